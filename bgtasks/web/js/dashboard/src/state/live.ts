/** How it stands with the server: every change is pushed here. Pages of single tasks follow tasks, the
 * others how things are, once a second: so they cost the same however much happens. */
import { computed, effect, signal, untracked } from "@preact/signals";
import type { Connection, Stats, Task } from "bgtasks-client";
import { began, push } from "../tasks/rows";
import { isAway, lookAgain, startLooking, wellAt } from "./away";
import { learn, mayNot } from "./me";
import { openTask, page } from "./location";
import { askFor, forgetPermissions } from "./permissions";
import { beat } from "./pulse";
import type { Answer } from "./resource";
import { afterFirst, client, connection, reconnect } from "./server";
import { heard, serverNow } from "./time";

const isFollowing = signal(false);

/** How things are, as it was pushed last; `null`: it was not. */
export const pushedStats = signal<Answer<Stats> | null>(null);

/** How it stands with the pushes: `connected` from the moment after which none is missed; `away`
 * while the server has none to send. */
export const state = computed((): Connection["state"] | "away" => {
  const { state } = connection.value;
  if (state !== "connected") return state;
  if (isAway.value) return "away";
  return isFollowing.value ? state : "connecting";
});

const isOfTasks = computed(
  () => page.value === "tasks" || openTask.value !== null || mayNot("statistics"),
);

function take(task: Task): void {
  push(task);
  beat();
  lookAgain();
}

function takeStats(data: Stats): void {
  pushedStats.value = { data, at: serverNow(), trouble: null };
  beat();
  lookAgain();
}

/** Of what is followed now nothing is missed any more. */
function begun(): void {
  const isReconnected = !isFollowing.peek();
  isFollowing.value = true;
  if (isReconnected) readAgain();
  else if (isOfTasks.peek()) began();
}

function readAgain(): void {
  forgetPermissions();
  if (isOfTasks.peek()) began();
  beat();
  afterFirst(() => {
    if (openTask.peek()) void askFor([openTask.peek()!]);
    learn();
  });
}

/** Who was refused may have logged in meanwhile. */
export function tryAgain(): void {
  reconnect();
  readAgain();
}

export function start(): void {
  effect(() =>
    isOfTasks.value ? client.value.onUpdate(take, begun) : client.value.watchStats(takeStats, begun),
  );
  effect(() => client.value.onScheduleUpdated(beat));
  effect(() => client.value.onTypeUpdated(beat));
  effect(() => {
    // Who was refused may have been let in before: what is shown is no longer theirs to see.
    const { state } = connection.value;
    if (state !== "connected") isFollowing.value = false;
    if (state === "refused") {
      pushedStats.value = null;
      readAgain();
    }
    // Without the pushes the rest may work: over HTTP.
    if (state === "disconnected") learn();
  });
  effect(() => {
    if (mayNot("statistics")) pushedStats.value = null;
  });
  effect(() => {
    if (state.value === "away") heard(false, wellAt || undefined);
    else heard(state.value !== "disconnected");
  });
  let wasAway = false;
  effect(() => {
    if (wasAway && !isAway.value) untracked(readAgain);
    wasAway = isAway.value;
  });
  startLooking();
  addEventListener("focus", () => {
    if (connection.peek().state === "refused") reconnect();
  });
}
