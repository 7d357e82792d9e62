/** Which tasks are asked for: one value for the list, the tabs, what is done to many, and the address. */
import type { TaskStatus } from "bgtasks-client";
import { STATUSES } from "bgtasks-client/protocol";

export const VIEWS = ["waiting", "scheduled", "retrying"] as const;
export type View = (typeof VIEWS)[number];
export const TIMES = ["created", "started", "ended"] as const;
export type Time = (typeof TIMES)[number];

/** The orders that the server knows, beside the newest first, in words. */
export const SORTS = {
  created: "Oldest first",
  "-started": "Last started first",
  started: "First started first",
  "-ended": "Last ended first",
  ended: "First ended first",
} as const;
export type Sort = keyof typeof SORTS;

/** By which time a list is in order. */
export function sortedBy(sort: Sort | ""): Time {
  return TIMES.find((name) => sort.endsWith(name)) ?? "created";
}

/** A time from `from` on and before `to`, both ISO 8601; `""` is open. */
export interface Between {
  from: string;
  to: string;
}

export interface Filter {
  statuses: readonly TaskStatus[];
  view: View | null;
  types: readonly string[];
  owners: readonly string[]; // "" is: without owner
  q: string;
  error: string | null; // the key of a failure group
  args: Readonly<Record<string, string>>; // by path
  created: Between | null;
  started: Between | null;
  ended: Between | null;
  sort: Sort | ""; // "": newest first
}

export const NO_FILTER: Filter = {
  statuses: [],
  view: null,
  types: [],
  owners: [],
  q: "",
  error: null,
  args: {},
  created: null,
  started: null,
  ended: null,
  sort: "",
};

/** Parts of a filter as the parameters of a query, which are those of the server, too. */
export function written(filter: Filter): [string, string][] {
  const said: [string, string][] = [];
  if (filter.statuses.length) said.push(["status", filter.statuses.join(",")]);
  if (filter.view) said.push(["view", filter.view]);
  for (const type of filter.types) said.push(["type", type]);
  for (const owner of filter.owners) said.push(["owner", owner]);
  if (filter.q.trim()) said.push(["q", filter.q.trim()]);
  if (filter.error) said.push(["error", filter.error]);
  for (const [path, value] of Object.entries(filter.args)) said.push([`args.${path}`, value]);
  for (const name of TIMES) {
    const between = filter[name];
    if (between) said.push([name, `${between.from}..${between.to}`]);
  }
  return said;
}

/** As the body of a request has it. */
export function asBody(filter: Filter): Record<string, string[]> {
  const body: Record<string, string[]> = {};
  for (const [name, value] of written(filter)) (body[name] ??= []).push(value);
  return body;
}

export function readFilter(query: URLSearchParams): Filter {
  const statuses = (query.get("status") ?? "").split(",");
  const view = query.get("view");
  const args: Record<string, string> = {};
  for (const [name, value] of query)
    if (name.startsWith("args.") && name.length > 5) args[name.slice(5)] = value;
  return {
    statuses: STATUSES.filter((status) => statuses.includes(status)),
    view: VIEWS.find((name) => name === view) ?? null,
    types: query.getAll("type"),
    owners: query.getAll("owner"),
    q: query.get("q") ?? "",
    error: query.get("error"),
    args,
    created: between(query.get("created")),
    started: between(query.get("started")),
    ended: between(query.get("ended")),
    sort: (Object.keys(SORTS) as Sort[]).find((name) => name === query.get("sort")) ?? "",
  };
}

/** `from..to` of times; what is none is left out. */
export function between(text: string | null): Between | null {
  if (text === null || !text.includes("..")) return null;
  const [from, to] = text.split("..").map(time) as [string, string];
  return from || to ? { from, to } : null;
}

function time(text: string): string {
  const at = Date.parse(text);
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

/** Whether a filter lets only some tasks through; the tab and the order aside. */
export function isNarrow(filter: Filter): boolean {
  return written({ ...filter, statuses: [], view: null }).length > 0 || filter.statuses.length > 1;
}

export function sameFilter(a: Filter, b: Filter): boolean {
  return a === b || JSON.stringify([written(a), a.sort]) === JSON.stringify([written(b), b.sort]);
}
