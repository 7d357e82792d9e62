/** Reads the list page by page: what is looked at, and the newest for the counts and charts. */
import { computed, signal } from "@preact/signals";
import { isFinal, newestFirst, type TaskFilter, type TaskStatus } from "bgtasks-client";
import { MAX_LIMIT } from "bgtasks-client/protocol";
import { earliest, filter, matcher, serverFilter } from "./location";
import { client, each, reasonOf, statusOf } from "./server";
import * as store from "./store";
import { slim } from "./task";
import { now } from "./time";

const FIRST = 50;
const PAGE = MAX_LIMIT;
const AUTOMATIC = 2000; // so many of the newest are read without being asked for
export const MAX_KEPT = 250_000; // so many tasks the page holds
const SEARCHED = 10_000; // so many are looked through before a search asks whether to go on

interface Listing {
  of: TaskFilter;
  cursor: string | null;
  boundary: string; // the oldest that was read
  loaded: number;
  complete: boolean;
}

export type Phase = "starting" | "ready" | "refused" | "failed";

export const phase = signal<Phase>("starting");
export const trouble = signal("");
export const reading = signal(false);
export const readingAll = signal(false);
export const rowsWanted = signal(60);
/** Moves on with every page that was read. */
const pages = signal(0);

let listings = new Map<string, Listing>();
let generation = 0;
let seen: Set<string> | null = null;
let pumping = false;
let searchLimit = SEARCHED;
let begunAnewAt = 0;

function listing(of: TaskFilter = {}): Listing {
  const key = JSON.stringify(of);
  let found = listings.get(key);
  if (!found) {
    found = { of, cursor: null, boundary: "\uffff", loaded: 0, complete: false };
    listings.set(key, found);
  }
  return found;
}

/** The ids of the tasks to list, newest first. */
export const rows = computed<readonly string[]>(() => {
  store.membership.value;
  if (filter.value.within) Math.floor(now.value / 10_000); // it moves with the time
  const matches = matcher(filter.value);
  const found = [];
  for (const task of store.all()) if (matches(task)) found.push(task);
  return found.sort(newestFirst).map((task) => task.id);
});

/** How much of what is asked for has been read. */
export const coverage = computed(() => {
  pages.value;
  const own = listing(serverFilter.value);
  const base = listing();
  const boundary = own.boundary < base.boundary ? own.boundary : base.boundary;
  const from = earliest(filter.value);
  const complete = own.complete || base.complete || (from > 0 && Date.parse(boundary) < from);
  return { complete, boundary, loaded: Math.max(own.loaded, base.loaded) };
});

/** What the counts and charts are made of. */
export const baseCoverage = computed(() => {
  pages.value;
  const { complete, boundary, loaded } = listing();
  return { complete, since: loaded ? Date.parse(boundary) : Date.now(), loaded };
});

/** Whether the number of known tasks in `status` is the number of all. */
export function isExact(status: TaskStatus): boolean {
  pages.value;
  return listing().complete || listing({ statuses: [status] }).complete;
}

export const searchPaused = computed(() => {
  const { complete, loaded } = coverage.value;
  return isSearch() && !complete && !readingAll.value && loaded >= searchLimit;
});

function isSearch(): boolean {
  const { q, within, from, to } = filter.value;
  return !!(q.trim() || within || from || to);
}

/** A task was pushed: it exists, whatever the pages that are being read again say. */
export function note(id: string): void {
  seen?.add(id);
}

/** Read everything anew, at the start and after each connection: nothing was pushed meanwhile. */
export async function sync(): Promise<void> {
  const mine = ++generation;
  const depth = Math.min(listing().loaded, AUTOMATIC);
  const met = new Set<string>();
  seen = met;
  listings = new Map();
  readingAll.value = false;
  try {
    for (const some of new Set([listing(), listing(serverFilter.peek())]))
      await read(some, FIRST, mine);
    if (mine !== generation) return;
    phase.value = "ready";
    // Also those that are older than what is read below.
    for (const status of ["Running", "Pending"] as const)
      if (mine === generation && !listing().complete)
        await read(listing({ statuses: [status] }), PAGE, mine);
    while (mine === generation && listing().loaded < depth && !listing().complete)
      await read(listing(), PAGE, mine);
    if (mine !== generation) return;
    await findMissing(met);
    if (mine !== generation) return;
    seen = null;
    store.retain((id) => met.has(id));
    trouble.value = "";
    void more();
  } catch (error) {
    if (mine !== generation) return;
    seen = null;
    if (hasLostItsPlace(error)) void sync();
    else failed(error);
  }
}

/** Tasks that were active when we were cut off and that no page has shown again. */
async function findMissing(met: Set<string>): Promise<void> {
  const missing = [...store.all()].filter((task) => !isFinal(task) && !met.has(task.id));
  await each(missing.slice(0, PAGE), async ({ id }) => {
    try {
      const task = await client.peek().api.find(id);
      if (task === null) return;
      store.put([slim(task)]);
      met.add(id);
    } catch (error) {
      if (!statusOf(error)) throw error;
    }
  });
}

async function read(from: Listing, limit: number, mine = generation): Promise<void> {
  const page = await client.peek().api.list({ ...from.of, limit, cursor: from.cursor });
  if (mine !== generation) return;
  for (const item of page.items) {
    seen?.add(item.id);
    if (item.createdAt < from.boundary) from.boundary = item.createdAt;
  }
  from.loaded += page.items.length;
  from.cursor = page.nextCursor;
  from.complete = page.nextCursor === null;
  store.put(page.items.map(slim));
  pages.value += 1;
}

function failed(error: unknown): void {
  trouble.value = reasonOf(error);
  if ([401, 403].includes(statusOf(error))) phase.value = "refused";
  else if (phase.peek() === "starting") phase.value = "failed";
}

/** Read on as long as something is missing from what is looked at. */
export async function more(): Promise<void> {
  // What is being read anew ends with this.
  if (pumping || seen !== null || phase.peek() !== "ready") return;
  pumping = true;
  const mine = generation;
  try {
    for (let next = whatNext(); next && mine === generation; next = whatNext()) {
      reading.value = true;
      await read(next, PAGE);
      trouble.value = "";
    }
  } catch (error) {
    if (mine === generation) {
      readingAll.value = false;
      if (hasLostItsPlace(error)) void sync();
      else failed(error);
    }
  } finally {
    pumping = false;
    reading.value = false;
  }
  if (mine !== generation) void more();
}

/** Whether a page could not be read on because its last task is gone: then it is read anew, though
 * not again and again. */
function hasLostItsPlace(error: unknown): boolean {
  if (statusOf(error) !== 400) return false;
  if (Date.now() - begunAnewAt < 10_000) return false;
  begunAnewAt = Date.now();
  return true;
}

function whatNext(): Listing | null {
  const { complete, boundary } = coverage.peek();
  const isFull = store.size() >= MAX_KEPT;
  if (!complete && !isFull && (readingAll.peek() || isShort(boundary))) return listing(serverFilter.peek());
  readingAll.value = false;
  const base = listing();
  return !base.complete && base.loaded < AUTOMATIC ? base : null;
}

/** Whether there are too few rows without a gap between them. */
function isShort(boundary: string): boolean {
  if (searchPaused.peek()) return false;
  const ids = rows.peek();
  let count = ids.length;
  while (count > 0 && (store.get(ids[count - 1]!)?.createdAt ?? "") < boundary) count -= 1;
  return count < rowsWanted.peek();
}

/** Rows up to `index` are looked at. */
export function want(index: number): void {
  rowsWanted.value = index + 60;
  void more();
}

export function readAll(): void {
  readingAll.value = true;
  void more();
}

export function stopReading(): void {
  readingAll.value = false;
}

export function searchOn(): void {
  searchLimit = coverage.peek().loaded + SEARCHED;
  pages.value += 1;
  void more();
}

filter.subscribe(() => {
  searchLimit = SEARCHED;
  readingAll.value = false;
  rowsWanted.value = 60;
  void more();
});
