/** The server, as `bgtasks-client` knows it. */
import { signal } from "@preact/signals";
import { connect, TaskError, type Connection, type TaskClient } from "bgtasks-client";
import { token } from "./token";

/** Below the mount point; the page's address ends with a slash. */
const HOME = new URL(".", location.href).href;

export const connection = signal<Connection>({ state: "connecting", message: null });
export const client = signal(opened());

function opened(): TaskClient {
  const bearer = token.peek();
  const made = connect({ url: HOME, retryDelay: 500, ...(bearer && { token: () => bearer }) });
  made.onConnection((now) => (connection.value = now));
  return made;
}

/** Connect anew, perhaps as somebody else. */
export function reconnect(): void {
  client.peek().close();
  client.value = opened();
}

/** How far the page is with the first thing that it shows: what else it wants to know waits for that. */
let first: "asked" | "answered" | "shown" = "asked";
const waiting: (() => void)[] = [];

/** Once the first answer is seen, or at once where it is. */
export function afterFirst(act: () => void): void {
  if (first === "shown") act();
  else waiting.push(act);
}

/** At once, unless the first answer is just about to be seen. */
export function orAfterFirst(act: () => void): void {
  if (first === "answered") waiting.push(act);
  else act();
}

/** What the page is about was answered, or could not be. */
export function answered(): void {
  if (first !== "asked") return;
  first = "answered";
  const go = () => {
    first = "shown";
    for (const act of waiting.splice(0)) act();
  };
  // A page that nobody looks at gets no frame.
  if (document.hidden) go();
  else requestAnimationFrame(() => setTimeout(go));
}

/** Why something could not be done: the server's words where it had any. */
export function reasonOf(error: unknown): string {
  return error instanceof TaskError ? error.message : "the server cannot be reached";
}

/** The status that the server answered with; 0 where there was no answer. */
export function statusOf(error: unknown): number {
  return (error instanceof TaskError && error.status) || 0;
}

/** Run `work` over `items`, few at a time. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items].reverse();
  const one = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, one));
}
