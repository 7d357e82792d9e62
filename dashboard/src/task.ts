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
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  revision: number;
  attempt: number;
  cancelRequested: boolean;
  scheduledAt: string | null;
  owner: string | null;
}

/** What the list keeps of a snapshot: payloads may be large. */
export type Task = Omit<Snapshot, "payload">;

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

export function slim({ payload: _, ...task }: Snapshot): Task {
  return task;
}

export function isFinal(task: Task): boolean {
  return task.status !== "Pending" && task.status !== "Running";
}

/** Whether the state of a task permits it; the policy has its own say. */
export function isPossible(action: Action, task: Task): boolean {
  if (action === "cancel") return !isFinal(task) && !task.cancelRequested;
  return task.status === "Failed" || task.status === "Cancelled";
}

/** A snapshot replaces another only if it is newer; an id may be handed in again after pruning. */
export function isNewer(task: Task, than: Task): boolean {
  if (task.createdAt !== than.createdAt) return task.createdAt > than.createdAt;
  return task.revision > than.revision;
}

/** Newest accepted first. Times are of one width, so their texts compare as they do. */
export function newestFirst(a: Task, b: Task): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}
