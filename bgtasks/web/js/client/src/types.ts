/** How often tasks of a type may start: `starts` in `per` seconds, up to `burst` at once. */
export interface TypeRate {
  readonly starts: number;
  readonly per: number;
  readonly burst: number;
}

/** A type of tasks as it is now. Times are ISO 8601 texts in UTC. */
export interface TypeInfo<Name extends string = string> {
  readonly name: Name;
  /** Since when nothing of it is started; `null` where it is not paused. */
  readonly pausedAt: string | null;
  readonly pauseReason: string | null;
  /** How many of its tasks are `Pending`. */
  readonly waiting: number;
  /** How many are `Running`. */
  readonly running: number;
  /** How many of it may run at once; `null`: any number. */
  readonly maxConcurrency: number | null;
  readonly rate: TypeRate | null;
}
