/** One tick of a schedule that has come. Times are ISO 8601 texts in UTC. */
export interface ScheduleTick {
    readonly tick: string;
    /** `skipped`: the task before it had not ended. `missed`: nobody was there, and it was too late.
     * `failed`: its task could not be made, `message` says why. */
    readonly outcome: "submitted" | "skipped" | "missed" | "failed";
    /** The id of its task. */
    readonly task: string | null;
    /** How many ticks before it were missed. */
    readonly missed: number;
    readonly message: string | null;
}
/** A schedule as it is now. Times are ISO 8601 texts in UTC. */
export interface ScheduleInfo {
    readonly name: string;
    /** The type of its tasks. */
    readonly type: string;
    /** A cron expression, or the time between two ticks. */
    readonly spec: string;
    readonly inWords: string;
    readonly timezone: string;
    readonly paused: boolean;
    readonly pausedAt: string | null;
    /** `null` while it is paused. */
    readonly nextTick: string | null;
    /** The next five ticks. */
    readonly next: readonly string[];
    readonly lastTick: string | null;
    /** The id of its newest task. */
    readonly lastTask: string | null;
    /** How many ticks came while a task before them had not ended. */
    readonly skipped: number;
    readonly lastError: string | null;
    /** The last ticks that have come, the newest first. */
    readonly last: readonly ScheduleTick[];
    /** Whether a process that is there now has the schedule. */
    readonly registered: boolean;
}
/** A part of the list of all schedules, in the order of their names. */
export interface SchedulePage {
    readonly items: readonly ScheduleInfo[];
    /** Where the next page begins; `null` after the last. */
    readonly nextCursor: string | null;
}
