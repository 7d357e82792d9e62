/** A task as the list keeps it, and what can be said of one. */
import { isFinal, type Action, type Task } from "bgtasks-client";

/** What the list keeps of a snapshot: payloads may be large. Times are there as numbers too. */
export interface ListedTask extends Omit<Task, "payload" | "payloadOmitted"> {
  created: number;
  started: number | null;
  completed: number | null;
}

export function slim({ payload: _, payloadOmitted: __, ...task }: Task): ListedTask {
  const { createdAt, startedAt, completedAt } = task;
  return {
    ...task,
    created: Date.parse(createdAt),
    started: startedAt === null ? null : Date.parse(startedAt),
    completed: completedAt === null ? null : Date.parse(completedAt),
  };
}

/** Whether the state of a task permits it; the policy has its own say. */
export function isPossible(
  action: Action,
  task: Pick<Task, "status" | "cancelRequested">,
): boolean {
  if (action === "cancel") return !isFinal(task) && !task.cancelRequested;
  return task.status === "Failed" || task.status === "Cancelled";
}
