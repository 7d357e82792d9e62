import type { TaskStatus } from "bgtasks-client";

const SHAPES: Record<TaskStatus, string> = {
  Pending: "M8 4.5V8l2.3 1.6",
  Running: "M6.4 5.2v5.6L11 8z",
  Completed: "M5 8.3l2.1 2.1L11 6",
  Failed: "M8 4.6v4M8 11v.4",
  Cancelled: "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
};

/** A status: word, colour and shape. */
export function Badge({ status, note }: { status: TaskStatus; note?: string }) {
  return (
    <span class={`badge ${status}`}>
      <StatusIcon status={status} />
      {note ?? status}
    </span>
  );
}

export function StatusIcon({ status }: { status: TaskStatus }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <circle cx="8" cy="8" r="6.4" />
      <path d={SHAPES[status]} />
    </svg>
  );
}
