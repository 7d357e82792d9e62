/** The task whose page is open: its whole snapshot, what else may be known of it, its attempts. */
import { effect, signal } from "@preact/signals";
import { isNewer, type Attempt, type Task, type TaskClient } from "bgtasks-client";
import type { Details, WholeTask } from "../state/answers";
import { openTask } from "../state/location";
import { askFor } from "../state/permissions";
import { afterFirst, answered, client, reasonOf } from "../state/server";
import { serverNow } from "../state/time";

export const opened = signal<Task | null>(null);
export const openedTrouble = signal<{ isMissing: boolean; text: string } | null>(null);
export const attempts = signal<readonly Attempt[] | null>(null);
/** Arguments, priority and the like: what a list does not have. */
export const details = signal<Details | null>(null);

/** When the open task changed last, as far as it is known. */
export const changedAt = signal<string | null>(null);

let attemptsOf = "";

effect(() => {
  const id = openTask.value;
  if (opened.peek()?.id !== id) forget();
  return id ? follow(client.value, id) : undefined;
});

function forget(): void {
  opened.value = null;
  openedTrouble.value = null;
  attempts.value = null;
  details.value = null;
  changedAt.value = null;
  attemptsOf = "";
}

function follow(from: TaskClient, id: string): (() => void) | undefined {
  try {
    const stop = from.watch(id, (task) => (task ? receive(task) : missing()));
    // What there is needs no connection.
    void refetch();
    return stop;
  } catch {
    missing(); // the address has no id, but something else
    return undefined;
  }
}

function missing(): void {
  answered();
  opened.value = null;
  openedTrouble.value = { isMissing: true, text: "" };
}

/** Take in a snapshot, if it is of the open task. */
export function receive(task: Task): void {
  if (task.id !== openTask.peek()) return;
  const before = opened.peek()?.id === task.id ? opened.peek() : null;
  if (before && !isNewer(task, before)) return;
  if (before) changedAt.value = new Date(serverNow()).toISOString();
  // The last payload stays until the new one has come.
  opened.value = task.payloadOmitted ? { ...task, payload: before?.payload ?? null } : task;
  openedTrouble.value = null;
  answered();
  afterFirst(() => {
    void askFor([task.id]);
    void readAttempts(task);
  });
}

export async function refetch(): Promise<void> {
  const id = openTask.peek();
  if (!id) return;
  try {
    const task = (await client.peek().api.find(id)) as WholeTask | null;
    if (task) {
      if (openTask.peek() === id) details.value = task;
      receive(task);
      changedAt.value ??= task.changedAt ?? null;
    } else if (openTask.peek() === id) missing();
  } catch (error) {
    answered();
    if (openTask.peek() === id && !opened.peek())
      openedTrouble.value = { isMissing: false, text: reasonOf(error) };
  }
}

/** Attempts change only where one begins or ends. */
async function readAttempts({ id, attempt, status, scheduledAt }: Task): Promise<void> {
  const key = JSON.stringify([id, attempt, status, scheduledAt]);
  if (key === attemptsOf) return;
  attemptsOf = key;
  try {
    const found = await client.peek().api.attempts(id);
    if (attemptsOf === key) attempts.value = found.toSorted((a, b) => b.attempt - a.attempt);
  } catch {
    if (attemptsOf === key) attemptsOf = "";
  }
}
