/** The task whose page is open: its whole snapshot and its attempts. */
import { effect, signal } from "@preact/signals";
import * as api from "./api";
import { openTask } from "./location";
import { askFor } from "./permissions";
import { isNewer, type Attempt, type Snapshot } from "./task";

export const opened = signal<Snapshot | null>(null);
export const openedTrouble = signal<{ isMissing: boolean; text: string } | null>(null);
export const attempts = signal<Attempt[] | null>(null);

let attemptsOf = "";

effect(() => {
  const id = openTask.value;
  if (opened.peek()?.id === id) return;
  opened.value = null;
  openedTrouble.value = null;
  attempts.value = null;
  attemptsOf = "";
  if (id) void refetch();
});

/** Take in a snapshot, if it is of the open task. */
export function receive(snapshot: Snapshot): void {
  if (snapshot.id !== openTask.peek()) return;
  const before = opened.peek()?.id === snapshot.id ? opened.peek() : null;
  const completes = before?.payloadOmitted && !snapshot.payloadOmitted && !isNewer(before, snapshot);
  if (before && !completes && !isNewer(snapshot, before)) return;
  // The last payload stays until the new one has been read.
  const payload = snapshot.payloadOmitted ? (before?.payload ?? null) : snapshot.payload;
  opened.value = { ...snapshot, payload };
  if (snapshot.payloadOmitted) void readWhole();
  openedTrouble.value = null;
  void askFor([snapshot.id]);
  void readAttempts(snapshot);
}

export async function refetch(): Promise<void> {
  const id = openTask.peek();
  if (!id) return;
  try {
    receive(await api.find(id));
    const still = opened.peek();
    if (still?.id === id) void askFor([id]);
  } catch (error) {
    if (openTask.peek() !== id) return;
    const refused = error instanceof api.Refused ? error : null;
    const isMissing = refused?.status === 404 || refused?.status === 400;
    if (isMissing) opened.value = null;
    if (!opened.peek())
      openedTrouble.value = { isMissing, text: refused?.message ?? "the server cannot be reached" };
  }
}

let readingWhole = false;
let readAgain = false;

/** Read the open task with its payload: one request at a time, however fast it changes. */
async function readWhole(): Promise<void> {
  readAgain = true;
  if (readingWhole) return;
  readingWhole = true;
  while (readAgain) {
    readAgain = false;
    await refetch();
  }
  readingWhole = false;
}

/** Attempts change only where one ends. */
async function readAttempts({ id, attempt, status, scheduledAt }: Snapshot): Promise<void> {
  const key = JSON.stringify([id, attempt, status, scheduledAt]);
  if (key === attemptsOf) return;
  attemptsOf = key;
  try {
    const found = await api.attempts(id);
    if (attemptsOf === key) attempts.value = found.sort((a, b) => b.attempt - a.attempt);
  } catch {
    if (attemptsOf === key) attemptsOf = "";
  }
}
