/** The list of tasks: pages that the server has filtered and sorted, and what was pushed since. */
import { computed, effect, signal } from "@preact/signals";
import { isNewer, newestFirst, type Task, type TaskPage } from "bgtasks-client";
import { MAX_LIMIT } from "bgtasks-client/protocol";
import { written, type Filter } from "../state/filter";
import { filter, openTask, page } from "../state/location";
import { matcher } from "../state/matching";
import { refusedBy } from "../state/me";
import { ask } from "../state/resource";
import { reasonOf, statusOf } from "../state/server";
import { slim, type ListedTask } from "../state/task";
import { held } from "./held";

const FIRST = 50;
const PAGE = MAX_LIMIT;
export const MAX_KEPT = 10_000; // so many rows the page holds
const CALM = 80; // milliseconds in which pushes are shown together
const BUSY = 300; // the same where they go on coming
const SHARE = 10; // so many times as long as it took to read the list, it is not read anew by itself
const LONGEST = 60_000; // milliseconds of that
const QUICK = 300; // milliseconds: a list that is read so soon is read anew at once

export type Phase = "idle" | "starting" | "ready" | "failed";

export const phase = signal<Phase>("idle");
export const trouble = signal("");
export const reading = signal(false);
/** The ids of the rows, in their order. */
export const rows = signal<readonly string[]>([]);
/** Whether there is no further page. */
export const complete = signal(false);
/** Whether only the newest of the tasks that fit were put in order. */
export const isPartlySorted = signal(false);
/** A search is not at its end: all that was submitted since then is found. */
export const searchedTo = signal<string | null>(null);
/** Moves on with every change of a row. */
export const version = signal(0);
/** Fits, but has no row yet, because the order is held; and has a row, but no longer fits. */
export const fresh = signal<ReadonlySet<string>>(new Set());
export const stale = signal<ReadonlySet<string>>(new Set());
/** Something was pushed of which only the server can say where it belongs. */
export const isOld = signal(false);

/** The rows are those of another filter, or of before. */
export const isReplacing = signal(false);

const tasks = new Map<string, ListedTask>();
const waiting = new Map<string, ListedTask>();
let cursor: string | null = null;
let generation = 0;
let timer: number | undefined;
let matches = matcher(filter.peek());
let begunAnewAt = 0;
let takenAt = 0;
let spent = 0; // milliseconds on reading the list
let restsUntil = 0;
let renewal: number | undefined;
let loadedFor: Filter | null = null;
let shownFor: Filter | null = null;
let isWanted = false; // somebody waits for a list that begins anew
let isOutdated = false; // what is being read was asked for before the pushes began

export const isChanged = computed(() => fresh.value.size + stale.value.size > 0 || isOld.value);

export function get(id: string): ListedTask | undefined {
  return tasks.get(id);
}

/** Take in a snapshot that was pushed; many are shown together. */
export function push(task: Task): void {
  if (phase.peek() === "idle") return;
  const before = waiting.get(task.id);
  if (!before || isNewer(task, before)) waiting.set(task.id, slim(task));
  timer ??= window.setTimeout(take, Date.now() - takenAt < BUSY ? BUSY : CALM);
}

/** Take in a snapshot that was asked for. */
export function put(task: Task): void {
  push(task);
  take();
}

/** The pushes begin, or it may be seen again: read anew what is shown. What is being read for the
 * first time is shown all the same, and then read anew. */
export function began(): void {
  if (phase.peek() === "starting" && reading.peek()) isOutdated = true;
  else if (phase.peek() !== "idle") void renew();
}

/** Read the list anew from its beginning, because somebody wants that. */
export function load(): Promise<void> {
  isWanted = true;
  return renew();
}

/** The same because of what happened: where the order is held when the answer comes, it is kept. */
async function renew(): Promise<void> {
  const mine = ++generation;
  const wanted = filter.peek();
  loadedFor = wanted;
  if (phase.peek() !== "ready") phase.value = "starting";
  reading.value = true;
  isReplacing.value = mayReplace();
  const begun = Date.now();
  try {
    const found = await read(wanted, lengthOf(wanted), null);
    if (mine !== generation) return;
    spent = Date.now() - begun;
    isReplacing.value = false;
    if (mayReplace()) replace(found, wanted);
    else compare(found);
    refusedBy(null);
    trouble.value = "";
    phase.value = "ready";
  } catch (error) {
    if (mine === generation) failed(error);
  } finally {
    if (mine === generation) {
      reading.value = false;
      isReplacing.value = false;
      if (isOutdated) {
        isOutdated = false;
        began();
      }
    }
  }
}

function mayReplace(): boolean {
  return isWanted || shownFor !== filter.peek() || !held.peek();
}

/** How many rows are read: as many as are shown, so that a list that is read anew is not shortened
 * under somebody's hand. */
function lengthOf(wanted: Filter): number {
  return shownFor === wanted ? Math.min(Math.max(rows.peek().length, FIRST), PAGE) : FIRST;
}

/** Learn how the newest tasks are now, without another order. */
function compare(found: TaskPage): void {
  for (const task of found.items) push(task);
  const read = new Set(ids(found.items));
  if (rows.peek().some((id) => !read.has(id))) isOld.value = true;
}

/** Read on, where rows up to `index` are looked at. */
export async function want(index: number): Promise<void> {
  if (index < rows.peek().length - 30 || reading.peek() || complete.peek()) return;
  if (phase.peek() !== "ready" || rows.peek().length >= MAX_KEPT) return;
  const mine = generation;
  const begun = Date.now();
  reading.value = true;
  try {
    const rest = PAGE - rows.peek().length; // what one answer holds when all is read anew
    const found = await read(filter.peek(), rest >= FIRST ? rest : PAGE, cursor);
    if (mine !== generation) return;
    spent += Date.now() - begun;
    for (const task of found.items) keep(slim(task));
    const known = new Set(rows.peek());
    rows.value = [...rows.peek(), ...ids(found.items).filter((id) => !known.has(id))];
    goOnAfter(found);
    trouble.value = "";
  } catch (error) {
    if (mine !== generation) return;
    if (hasLostItsPlace(error)) void load();
    else failed(error);
  } finally {
    if (mine === generation) reading.value = false;
  }
}

/** Show what was held back. */
export function apply(): void {
  if (isOld.peek()) void load();
  else showArrived();
}

/** The same, but a search that takes long is not begun anew because of what only the server can say
 * of: on a busy server it would never come to its end. */
function applyByItself(): void {
  if (!isOld.peek()) return showArrived();
  if (Date.now() >= restsUntil) return void renew();
  if (fresh.peek().size + stale.peek().size > 0) showArrived();
  applyLater();
}

function applyLater(): void {
  clearTimeout(renewal);
  if (restsUntil === Infinity) return;
  renewal = window.setTimeout(() => {
    if (!held.peek() && isOld.peek() && phase.peek() === "ready") applyByItself();
  }, restsUntil - Date.now());
}

function showArrived(): void {
  const gone = stale.peek();
  const left = rows.peek().filter((id) => !gone.has(id));
  rows.value = merged(left, [...fresh.peek()]);
  fresh.value = new Set();
  stale.value = new Set();
  forgetUnlisted();
  // A page that is left open for weeks begins anew with the newest.
  if (rows.peek().length > MAX_KEPT) void load();
}

async function read(of: Filter, limit: number, from: string | null): Promise<TaskPage> {
  const query = [...written(of), ["limit", String(limit)] as [string, string]];
  if (of.sort) query.push(["sort", of.sort]);
  if (from !== null) query.push(["cursor", from]);
  return ask<TaskPage>("/api/tasks", query);
}

function replace(found: TaskPage, wanted: Filter): void {
  shownFor = wanted;
  isWanted = false;
  tasks.clear();
  for (const task of found.items) keep(slim(task));
  rows.value = ids(found.items);
  goOnAfter(found);
  isPartlySorted.value = found.complete === false;
  fresh.value = new Set();
  stale.value = new Set();
  isOld.value = false;
  version.value += 1;
  take();
}

function goOnAfter(found: TaskPage): void {
  cursor = found.nextCursor;
  complete.value = cursor === null;
  searchedTo.value = found.searchedTo ?? null;
  const rest = spent < QUICK ? 0 : Math.min(SHARE * spent, LONGEST);
  restsUntil = searchedTo.peek() === null ? Date.now() + rest : Infinity;
  if (isOld.peek()) applyLater();
}

function ids(items: readonly Task[]): string[] {
  return items.map(({ id }) => id);
}

function keep(task: ListedTask): boolean {
  const before = tasks.get(task.id);
  if (before && !isNewer(task, before)) return false;
  tasks.set(task.id, task);
  return true;
}

function take(): void {
  clearTimeout(timer);
  timer = undefined;
  takenAt = Date.now();
  if (phase.peek() !== "ready" || isReplacing.peek() || !waiting.size) return;
  const arrived = new Set(fresh.peek());
  const left = new Set(stale.peek());
  const shown = new Set(rows.peek());
  for (const task of waiting.values()) sort(task, shown, arrived, left);
  waiting.clear();
  version.value += 1;
  if (!equal(arrived, fresh.peek())) fresh.value = arrived;
  if (!equal(left, stale.peek())) stale.value = left;
  if (!held.peek() && isChanged.peek()) applyByItself();
}

/** Note where a snapshot belongs now. */
function sort(task: ListedTask, shown: Set<string>, arrived: Set<string>, left: Set<string>): void {
  const isShown = shown.has(task.id);
  const fits = matches(task);
  if (isShown || (fits && isInReach(task))) keep(task);
  if (isShown) {
    if (fits === false) left.add(task.id);
    else left.delete(task.id);
  } else if (fits === false) arrived.delete(task.id);
  else if (fits === null || filter.peek().sort) isOld.value = true;
  else if (isInReach(task)) arrived.add(task.id);
}

/** Whether it belongs among the pages that were read, not to a later one. */
function isInReach(task: ListedTask): boolean {
  const last = tasks.get(rows.peek().at(-1) ?? "");
  return complete.peek() || !last || newestFirst(task, last) <= 0;
}

function merged(known: readonly string[], added: readonly string[]): string[] {
  if (!added.length) return [...known];
  const all = [...new Set([...known, ...added])];
  return all.sort((a, b) => newestFirst(tasks.get(a)!, tasks.get(b)!));
}

function forgetUnlisted(): void {
  const listed = new Set(rows.peek());
  for (const id of tasks.keys()) if (!listed.has(id)) tasks.delete(id);
}

function equal(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

function failed(error: unknown): void {
  trouble.value = reasonOf(error);
  refusedBy(error);
  if ([401, 403].includes(statusOf(error))) forget();
  if (phase.peek() === "starting") phase.value = "failed";
}

function forget(): void {
  tasks.clear();
  waiting.clear();
  rows.value = [];
  shownFor = null;
  phase.value = "starting";
}

/** Whether a page could not be read on because its last task is gone: then it is read anew, though
 * not again and again. */
function hasLostItsPlace(error: unknown): boolean {
  if (statusOf(error) !== 400) return false;
  if (Date.now() - begunAnewAt < 10_000) return false;
  begunAnewAt = Date.now();
  return true;
}

effect(() => {
  const wanted = filter.value;
  matches = matcher(wanted);
  // A list is read when it is looked at first, and then for each other filter.
  if (page.value !== "tasks" || openTask.value !== null || loadedFor === wanted) return;
  loadedFor = wanted;
  queueMicrotask(() => void load());
});

effect(() => {
  if (!held.value && isChanged.peek() && phase.peek() === "ready") applyByItself();
});
