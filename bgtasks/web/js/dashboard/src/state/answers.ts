/** What the server answers; times are ISO 8601 texts in UTC. */
import type { Task } from "bgtasks-client";

export interface Me {
  identity: string | null;
  can: { statistics: boolean; arguments: boolean; control: boolean };
  release: string;
  backend: string;
  now: string;
}

export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface HistoryPoint {
  at: string;
  submitted: number | null;
  started: number | null;
  completed: number | null;
  failed: number | null;
  cancelled: number | null;
  retried: number | null;
  waiting: number | null;
  running: number | null;
  places?: number | null;
  waitMs: Percentiles | null;
  runMs: Percentiles | null;
}

export interface History {
  step: number; // seconds
  knownSince: string | null;
  points: HistoryPoint[];
}

/** What a type is registered with. */
export interface TypeOptions {
  maxConcurrency: number | null;
  rate: { starts: number; per: number; burst: number } | null;
  perKey: number | null;
  retry: number;
  timeout: number | null; // seconds
  cancellation: "task" | "cooperative";
  rerunInterrupted: boolean;
  unique: boolean;
  version: number;
}

export interface TypeRow {
  name: string;
  registered: boolean;
  /** `null`: the process that answers does not have it. */
  options: TypeOptions | null;
  pausedAt: string | null;
  pauseReason: string | null;
  waiting: number;
  running: number;
  oldestWaitingSince: string | null;
  /** Of the last hour; `null` where nothing is known of it. */
  perMinute: number | null;
  failureRate: number | null;
  waitMs: Percentiles | null;
  runMs: Percentiles | null;
  processes: number | null;
}

export interface ProcessRow {
  id: string;
  host: string | null;
  pid: number | null;
  release: string | null;
  runsTasks: boolean;
  types: readonly string[] | null;
  running: number | null;
  places: number | null;
  startedAt: string | null;
  seenAt: string | null;
  alive: boolean;
  loopLagMs: number | null;
  rssBytes: number | null;
  tasks: readonly string[] | null;
}

export interface FailureGroup {
  group: string;
  errorType: string | null;
  sample: string;
  frame: string | null;
  stillFailed: number;
  recovered: number;
  retrying: number;
  firstAt: string;
  lastAt: string;
  types: readonly string[];
  sampleTask: string;
}

export interface Facet {
  value: string | number | boolean | null;
  failed: number;
  total: number | null;
}

/** What a page of a task gets beside its snapshot, by the policy. */
export interface Details {
  arguments?: unknown;
  priority?: number;
  changedAt?: string;
  maxAttempts?: number | null;
  timeout?: number | null;
}

export type WholeTask = Task & Details;

export interface Items<T> {
  items: T[];
}

export interface BulkCount {
  matched: number;
  types: Record<string, number>;
  owners: Record<string, number> | null; // "": without owner
}
