/** Whether the server can still say how things are: where its database is away, the connection
 * stands, nothing is pushed any more, and that looks as if nothing happened. */
import { signal } from "@preact/signals";
import { HEALTH, TASKS } from "bgtasks-client/protocol";
import { beatIfQuiet } from "./pulse";
import { ask } from "./resource";
import { afterFirst, connection, statusOf } from "./server";
import { serverNow } from "./time";

const EVERY = 5000; // milliseconds between two looks
const QUIET = 10_000; // milliseconds after which what only time changes is asked for again

export const isAway = signal(false);
/** When all was well last, by the server's clock. */
export let wellAt = 0;

let isLooking = false;

export function startLooking(): void {
  window.setInterval(() => void look(), EVERY);
  document.addEventListener("visibilitychange", () => void look());
  afterFirst(() => void look());
}

/** Something has come: perhaps all is well again. */
export function lookAgain(): void {
  if (isAway.peek()) void look();
}

async function look(): Promise<void> {
  if (isLooking || document.hidden || connection.peek().state !== "connected") return;
  isLooking = true;
  const begunAt = serverNow();
  const isWell = (await works(HEALTH)) || (await works(TASKS, [["limit", "1"]]));
  if (isWell) {
    wellAt = begunAt;
    beatIfQuiet(QUIET);
  }
  isAway.value = !isWell;
  isLooking = false;
}

/** Of a process that is in trouble, what it knows may be up to date all the same. */
async function works(route: string, query: [string, string][] = []): Promise<boolean> {
  try {
    await ask(route, query);
    return true;
  } catch (error) {
    const status = statusOf(error);
    return status !== 0 && status < 500;
  }
}
