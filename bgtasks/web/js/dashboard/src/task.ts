/** A task as the server sends it, and what can be said of one. */

export const STATUSES = ["Pending", "Running", "Completed", "Failed", "Cancelled"] as const;
export type Status = (typeof STATUSES)[number];

/** One whole snapshot. */
export interface Snapshot {
  id: string;
  type: string;
  name: string;
  status: Status;
  progress: number;
  statusMessage: string | null;
  errorMessage: string | null;
  payload: unknown;
  payloadOmitted?: true; // it is too large for lists
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  revision: number;
  attempt: number;
  cancelRequested: boolean;
  scheduledAt: string | null;
  owner: string | null;
}

/** What the list keeps of a snapshot: payloads may be large. Times are there as numbers too. */
export interface Task extends Omit<Snapshot, "payload" | "payloadOmitted"> {
  created: number;
  started: number | null;
  completed: number | null;
}

export interface Attempt {
  attempt: number;
  kind: string;
  errorMessage: string;
  traceback: string | null;
  endedAt: string;
}

export interface Permissions {
  cancel: boolean;
  retry: boolean;
}

export type Action = "cancel" | "retry";

export function slim({ payload: _, payloadOmitted: __, ...task }: Snapshot): Task {
  const { createdAt, startedAt, completedAt } = task;
  return {
    ...task,
    created: Date.parse(createdAt),
    started: startedAt === null ? null : Date.parse(startedAt),
    completed: completedAt === null ? null : Date.parse(completedAt),
  };
}

type Stated = Pick<Snapshot, "status" | "cancelRequested">;
type Aged = Pick<Snapshot, "id" | "createdAt" | "revision">;

export function isFinal(task: Pick<Stated, "status">): boolean {
  return task.status !== "Pending" && task.status !== "Running";
}

/** Whether the state of a task permits it; the policy has its own say. */
export function isPossible(action: Action, task: Stated): boolean {
  if (action === "cancel") return !isFinal(task) && !task.cancelRequested;
  return task.status === "Failed" || task.status === "Cancelled";
}

/** A snapshot replaces another only if it is newer; an id may be handed in again after pruning. */
export function isNewer(task: Aged, than: Aged): boolean {
  if (task.createdAt !== than.createdAt) return task.createdAt > than.createdAt;
  return task.revision > than.revision;
}

/** Newest accepted first. Times are of one width, so their texts compare as they do. */
export function newestFirst(a: Aged, b: Aged): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}
