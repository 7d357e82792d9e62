/** Which tasks are asked for, and which one is open: in the query of the address. */
import { batch, computed, signal } from "@preact/signals";
import type { TaskFilter, TaskStatus } from "bgtasks-client";
import { STATUSES } from "bgtasks-client/protocol";
import type { ListedTask } from "./task";
import { now } from "./time";

export const WITHIN = {
  "15m": ["Last 15 minutes", 15 * 60_000],
  "1h": ["Last hour", 3_600_000],
  "24h": ["Last 24 hours", 86_400_000],
  "7d": ["Last 7 days", 7 * 86_400_000],
} as const;
export type Within = keyof typeof WITHIN;

export interface Filter {
  statuses: TaskStatus[];
  type: string | null;
  owner: string | null; // "" is: without owner
  q: string;
  within: Within | null;
  from: string | null;
  to: string | null;
}

export const NO_FILTER: Filter = {
  statuses: [],
  type: null,
  owner: null,
  q: "",
  within: null,
  from: null,
  to: null,
};

export const filter = signal<Filter>(NO_FILTER);
export const range = signal<Within>("15m");
export const openTask = signal<string | null>(null);

export const isFiltered = computed(() => {
  const { statuses, type, owner, q, within, from, to } = filter.value;
  return !!(statuses.length || type !== null || owner !== null || q || within || from || to);
});

/** What the server can filter by itself. */
export const serverFilter = computed((): TaskFilter => {
  const { statuses, type, owner } = filter.value;
  return {
    ...(type !== null && { types: [type] }),
    ...(statuses.length > 0 && { statuses }),
    ...(owner !== null && { owner: owner || null }),
  };
});

/** The oldest moment that the filter lets through, or 0. */
export function earliest(of: Filter): number {
  if (of.within) return now.peek() - WITHIN[of.within][1];
  return of.from ? Date.parse(of.from) : 0;
}

/** The filter as a function. */
export function matcher(of: Filter): (task: ListedTask) => boolean {
  const words = of.q.trim().toLowerCase();
  const from = earliest(of);
  const to = !of.within && of.to ? Date.parse(of.to) : Infinity;
  return (task) =>
    (!of.statuses.length || of.statuses.includes(task.status)) &&
    (of.type === null || task.type === of.type) &&
    (of.owner === null || (task.owner ?? "") === of.owner) &&
    (!words || hasWords(task, words)) &&
    ((!from && to === Infinity) || isBetween(task.created, from, to));
}

function hasWords(task: ListedTask, words: string): boolean {
  return (
    task.name.toLowerCase().includes(words) ||
    task.type.toLowerCase().includes(words) ||
    (task.owner ?? "").toLowerCase().includes(words) ||
    task.id === words
  );
}

function isBetween(time: number, from: number, to: number): boolean {
  return time >= from && time <= to;
}

/** Change the filter; typing replaces the entry in the history, a choice adds one. */
export function setFilter(change: Partial<Filter>, replace = false): void {
  filter.value = { ...filter.peek(), ...change };
  write(replace);
}

export function setRange(value: Within): void {
  range.value = value;
  write(true);
}

export function open(id: string | null): void {
  openTask.value = id;
  write(false);
}

/** The address of a task's page, or of the list. */
export function addressOf(id: string | null): string {
  const query = new URLSearchParams();
  const { statuses, type, owner, q, within, from, to } = filter.value;
  if (id) query.set("task", id);
  if (statuses.length) query.set("status", statuses.join(","));
  if (type !== null) query.set("type", type);
  if (owner !== null) query.set("owner", owner);
  if (q) query.set("q", q);
  if (within) query.set("within", within);
  if (from) query.set("from", from);
  if (to) query.set("to", to);
  if (range.value !== "15m") query.set("range", range.value);
  return location.pathname + (query.size ? `?${query}` : "");
}

function write(replace: boolean): void {
  const address = addressOf(openTask.peek());
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

function read(): void {
  const query = new URLSearchParams(location.search);
  const statuses = (query.get("status") ?? "").split(",");
  const within = query.get("within");
  batch(() => {
    filter.value = {
      statuses: STATUSES.filter((status) => statuses.includes(status)),
      type: query.get("type"),
      owner: query.get("owner"),
      q: query.get("q") ?? "",
      within: isWithin(within) ? within : null,
      from: aTime(query.get("from")),
      to: aTime(query.get("to")),
    };
    const chart = query.get("range");
    range.value = isWithin(chart) ? chart : "15m";
    openTask.value = query.get("task");
  });
}

function isWithin(text: string | null): text is Within {
  return text !== null && Object.hasOwn(WITHIN, text);
}

function aTime(text: string | null): string | null {
  return text && !Number.isNaN(Date.parse(text)) ? text : null;
}

addEventListener("popstate", read);
read();
