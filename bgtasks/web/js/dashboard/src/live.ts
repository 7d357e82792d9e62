/** Every change is pushed here; nothing is ever asked for on a clock. */
import { computed, effect, signal } from "@preact/signals";
import type { Connection, Task } from "bgtasks-client";
import { MAX_KEPT, note, phase, sync } from "./loader";
import { openTask } from "./location";
import { askFor, forgetPermissions } from "./permissions";
import { client, connection, reconnect } from "./server";
import * as store from "./store";
import { slim } from "./task";

const isFollowing = signal(false);

/** How it stands with the pushes: `connected` from the moment after which none is missed. */
export const state = computed((): Connection["state"] => {
  const { state } = connection.value;
  return state === "connected" && !isFollowing.value ? "connecting" : state;
});

function take(task: Task): void {
  note(task.id);
  store.push(slim(task));
  // A page that is left open for weeks begins anew with the newest.
  if (store.size() > MAX_KEPT + 1000) void sync();
}

function began(): void {
  isFollowing.value = true;
  readAgain();
}

function readAgain(): void {
  forgetPermissions();
  if (openTask.peek()) void askFor([openTask.peek()!]);
  void sync();
}

/** Who was refused may have logged in meanwhile. */
export function tryAgain(): void {
  phase.value = "starting";
  reconnect();
  void sync();
}

export function start(): void {
  effect(() => void client.value.onUpdate(take, began));
  effect(() => {
    // Who was refused may have been let in before: what is shown is no longer theirs to see.
    const { state } = connection.value;
    if (state !== "connected") isFollowing.value = false;
    if (state === "refused") readAgain();
  });
  addEventListener("focus", () => {
    if (connection.peek().state === "refused") reconnect();
  });
  void sync();
}
