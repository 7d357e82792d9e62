/** The HTTP API beside this page. */
import type { Action, Attempt, Permissions, Snapshot } from "./task";

export interface Page {
  items: Snapshot[];
  nextCursor: string | null;
}

/** The server said no; `message` is its own words where it had any. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  get isForbidden(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** Below the mount point; the page's address ends with a slash. */
const HOME = new URL(".", location.href);

export const SOCKET_PATH = new URL("socket.io", HOME).pathname;

async function ask<T>(path: string, method = "GET"): Promise<T> {
  const headers = { Accept: "application/json" };
  const answer = await fetch(new URL(path, HOME), { method, headers });
  if (!answer.ok) throw new Refused(answer.status, await problemOf(answer));
  return (await answer.json()) as T;
}

async function problemOf(answer: Response): Promise<string> {
  try {
    const { detail, title } = (await answer.json()) as { detail?: string; title?: string };
    return detail || title || `the server answered ${answer.status}`;
  } catch {
    return `the server answered ${answer.status}`;
  }
}

function task(id: string): string {
  return `api/tasks/${encodeURIComponent(id)}`;
}

export function list(query: string, limit: number, cursor: string | null): Promise<Page> {
  const parameters = new URLSearchParams(query);
  parameters.set("limit", String(limit));
  if (cursor) parameters.set("cursor", cursor);
  return ask(`api/tasks?${parameters}`);
}

export function find(id: string): Promise<Snapshot> {
  return ask(task(id));
}

export function act(action: Action, id: string): Promise<Snapshot> {
  return action === "cancel" ? ask(task(id), "DELETE") : ask(`${task(id)}/retry`, "POST");
}

export async function attempts(id: string): Promise<Attempt[]> {
  return (await ask<{ items: Attempt[] }>(`${task(id)}/attempts`)).items;
}

export function permissions(id: string): Promise<Permissions> {
  return ask(`${task(id)}/permissions`);
}

/** Run `work` over `items`, few at a time. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items].reverse();
  const one = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, one));
}
