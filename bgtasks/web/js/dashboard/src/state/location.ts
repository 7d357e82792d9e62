/** Which page is open and what it shows: in the query of the address. */
import { batch, signal } from "@preact/signals";
import { between, NO_FILTER, readFilter, sameFilter, written, type Filter } from "./filter";
import { isWithin, USUAL, type Range } from "./range";
import { zone, type Zone } from "./time";

export const PAGES = ["overview", "tasks", "failures", "types", "processes", "schedules"] as const;
export type Page = (typeof PAGES)[number];

export const page = signal<Page>("overview");
export const openTask = signal<string | null>(null);
export const openGroup = signal<string | null>(null);
/** Of which type failures are shown; `null`: of all. */
export const failureType = signal<string | null>(null);
export const filter = signal<Filter>(NO_FILTER);
export const range = signal<Range>(USUAL);

/** A place in the dashboard; what is left out stays as it is. */
export interface Place {
  page?: Page;
  task?: string | null;
  group?: string | null;
  type?: string | null;
  filter?: Filter;
  range?: Range;
  zone?: Zone;
}

/** Go to another place. Typing and zooming replace the entry in the history, a choice adds one. */
export function go(to: Place, replace = false): void {
  batch(() => {
    if (to.page !== undefined) page.value = to.page;
    if (to.page !== undefined || to.task !== undefined) openTask.value = to.task ?? null;
    if (to.page !== undefined || to.group !== undefined) openGroup.value = to.group ?? null;
    if (to.page !== undefined || to.type !== undefined) failureType.value = to.type ?? null;
    if (to.filter !== undefined && !sameFilter(to.filter, filter.peek())) filter.value = to.filter;
    if (to.range !== undefined) range.value = to.range;
    if (to.zone !== undefined) zone.value = to.zone;
  });
  const address = addressOf({});
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

/** Change the filter, on the list of tasks. */
export function setFilter(change: Partial<Filter>, replace = false): void {
  go({ page: "tasks", filter: { ...filter.peek(), ...change } }, replace);
}

/** The address of a place. */
export function addressOf(to: Place): string {
  const query = new URLSearchParams();
  const isMoved = to.page !== undefined;
  const shown = to.page ?? page.value;
  const task = isMoved || to.task !== undefined ? to.task : openTask.value;
  const group = isMoved || to.group !== undefined ? to.group : openGroup.value;
  const type = isMoved || to.type !== undefined ? to.type : failureType.value;
  const wanted = to.filter ?? filter.value;
  const span = to.range ?? range.value;
  const isPlain = shown === "tasks" && (task || written(wanted).length);
  if (shown !== "overview" && !isPlain) query.set("page", shown);
  if (task) query.set("task", task);
  if (group) query.set("group", group);
  if (type && shown === "failures") query.set("type", type);
  if (shown === "tasks") for (const [name, value] of written(wanted)) query.append(name, value);
  if (shown === "tasks" && wanted.sort) query.set("sort", wanted.sort);
  if (span !== USUAL) query.set("range", typeof span === "string" ? span : `${span.from}..${span.to}`);
  if ((to.zone ?? zone.value) === "utc") query.set("zone", "utc");
  return location.pathname + (query.size ? `?${query}` : "");
}

function read(): void {
  const query = new URLSearchParams(location.search);
  const wanted = readFilter(query);
  const named = PAGES.find((name) => name === query.get("page"));
  const span = query.get("range");
  batch(() => {
    openTask.value = query.get("task");
    openGroup.value = query.get("group");
    // Who names a task or tasks means their page.
    const isTasks = openTask.value !== null || written(wanted).length > 0;
    page.value = named ?? (isTasks ? "tasks" : openGroup.value ? "failures" : "overview");
    failureType.value = page.value === "failures" ? query.get("type") : null;
    if (page.value === "tasks" && !sameFilter(wanted, filter.peek())) filter.value = wanted;
    range.value = isWithin(span) ? span : (between(span) ?? USUAL);
    zone.value = query.get("zone") === "utc" ? "utc" : "local";
  });
}

addEventListener("popstate", read);
read();
