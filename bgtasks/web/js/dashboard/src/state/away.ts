/** Whether the server can still say how things are: where its database is away, the connection
 * stands, nothing is pushed any more, and that looks as if nothing happened. */
import { signal } from "@preact/signals";
import { HEALTH, TASKS } from "bgtasks-client/protocol";
import { beatIfQuiet } from "./pulse";
import { ask } from "./resource";
import { connection, statusOf } from "./server";
import { serverNow } from "./time";

const EVERY = 5000; // milliseconds between two looks
const QUIET = 10_000; // milliseconds after which what only time changes is asked for again

export const isAway = signal(false);
/** When all was well last, by the server's clock. */
export let wellAt = 0;

export function startLooking(): void {
  window.setInterval(() => void look(), EVERY);
}

async function look(): Promise<void> {
  if (document.hidden || connection.peek().state !== "connected") return;
  const begunAt = serverNow();
  const isWell = (await works(HEALTH)) || (await works(TASKS, [["limit", "1"]]));
  if (isWell) {
    wellAt = begunAt;
    beatIfQuiet(QUIET);
  }
  isAway.value = !isWell;
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
