/** What was waiting, running, done and failed at each moment: from the times of the tasks. */
import type { ListedTask } from "./task";

export const BUCKETS = 60;

export interface History {
  times: number[]; // the end of each bucket, in seconds
  pending: number[]; // at that time
  running: number[];
  completed: number[]; // ended within the bucket
  failed: number[];
  cancelled: number[];
}

export function historyOf(tasks: Iterable<ListedTask>, span: number, now: number): History {
  const width = span / BUCKETS;
  const end = Math.ceil(now / width) * width;
  const start = end - span;
  const zeros = () => new Array<number>(BUCKETS + 1).fill(0);
  const pending = zeros();
  const running = zeros();
  const ended = { Completed: zeros(), Failed: zeros(), Cancelled: zeros() };
  // The first bucket whose end is not before `time`.
  const bucket = (time: number) => Math.max(0, Math.ceil((time - start) / width) - 1);
  const count = (changes: number[], from: number, to: number) => {
    const first = bucket(from);
    const last = Math.min(bucket(to), BUCKETS);
    if (first >= last) return;
    changes[first]! += 1;
    changes[last]! -= 1;
  };
  for (const task of tasks) {
    const { created, started, completed } = task;
    if (completed !== null && completed < start) continue;
    if (task.status === "Pending") count(pending, created, Infinity);
    else {
      count(pending, created, started ?? completed ?? Infinity);
      if (started !== null) count(running, started, completed ?? Infinity);
    }
    if (completed !== null && (task.status === "Completed" || task.status === "Failed" || task.status === "Cancelled"))
      ended[task.status][Math.min(bucket(completed), BUCKETS)]! += 1;
  }
  return {
    times: Array.from({ length: BUCKETS }, (_, index) => (start + (index + 1) * width) / 1000),
    pending: levels(pending),
    running: levels(running),
    completed: ended.Completed.slice(0, BUCKETS),
    failed: ended.Failed.slice(0, BUCKETS),
    cancelled: ended.Cancelled.slice(0, BUCKETS),
  };
}

function levels(changes: readonly number[]): number[] {
  let level = 0;
  return changes.slice(0, BUCKETS).map((change) => (level += change));
}
