/** How it stands with the server: every change is pushed here. */
import { computed, effect, signal } from "@preact/signals";
import type { Connection, Task } from "bgtasks-client";
import { began, push } from "../tasks/rows";
import { learn } from "./me";
import { openTask } from "./location";
import { askFor, forgetPermissions } from "./permissions";
import { beat } from "./pulse";
import { client, connection, reconnect } from "./server";
import { heard } from "./time";

const isFollowing = signal(false);

/** How it stands with the pushes: `connected` from the moment after which none is missed. */
export const state = computed((): Connection["state"] => {
  const { state } = connection.value;
  return state === "connected" && !isFollowing.value ? "connecting" : state;
});

function take(task: Task): void {
  push(task);
  beat();
}

function readAgain(): void {
  forgetPermissions();
  if (openTask.peek()) void askFor([openTask.peek()!]);
  began();
  beat();
  learn();
}

/** Who was refused may have logged in meanwhile. */
export function tryAgain(): void {
  reconnect();
  readAgain();
}

export function start(): void {
  effect(() =>
    client.value.onUpdate(take, () => {
      isFollowing.value = true;
      readAgain();
    }),
  );
  effect(() => {
    // Who was refused may have been let in before: what is shown is no longer theirs to see.
    const { state } = connection.value;
    if (state !== "connected") isFollowing.value = false;
    if (state === "refused") readAgain();
    // Without the pushes the rest may work: over HTTP.
    if (state === "disconnected") learn();
  });
  effect(() => heard(state.value !== "disconnected"));
  addEventListener("focus", () => {
    if (connection.peek().state === "refused") reconnect();
  });
}
