/** Every task the page knows: the newest snapshot of each. */
import { signal } from "@preact/signals";
import { isNewer, type TaskStatus } from "bgtasks-client";
import { STATUSES } from "bgtasks-client/protocol";
import type { ListedTask } from "./task";

const MANY = 5000;

const tasks = new Map<string, ListedTask>();
const waiting = new Map<string, ListedTask>();
let timer: number | undefined;
let listTimer: number | undefined;

/** Moves on with every change. */
export const version = signal(0);
/** Moves on when a list may have other rows than before. */
export const membership = signal(0);
export const counts = signal<Record<TaskStatus, number>>(emptyCounts());
export const types = signal<readonly string[]>([]);
export const owners = signal<readonly string[]>([]);

export function get(id: string): ListedTask | undefined {
  return tasks.get(id);
}

export function all(): IterableIterator<ListedTask> {
  return tasks.values();
}

export function size(): number {
  return tasks.size;
}

/** Take in a snapshot that was pushed; many are shown together. */
export function push(task: ListedTask): void {
  const held = waiting.get(task.id);
  if (!held || isNewer(task, held)) waiting.set(task.id, task);
  timer ??= window.setTimeout(flush, 80);
}

/** Take in snapshots that were asked for. */
export function put(items: Iterable<ListedTask>): void {
  for (const task of items) {
    const held = waiting.get(task.id);
    if (!held || isNewer(task, held)) waiting.set(task.id, task);
  }
  flush();
}

/** Forget all tasks but those that `keep` says. */
export function retain(keep: (id: string) => boolean): void {
  for (const id of [...tasks.keys()]) if (!keep(id)) tasks.delete(id);
  for (const id of [...waiting.keys()]) if (!keep(id)) waiting.delete(id);
  recount();
}

function flush(): void {
  clearTimeout(timer);
  timer = undefined;
  let moved = false;
  let changed = false;
  const numbers = { ...counts.peek() };
  const newTypes = new Set(types.peek());
  const newOwners = new Set(owners.peek());
  for (const [id, task] of waiting) {
    const old = tasks.get(id);
    if (old && !isNewer(task, old)) continue;
    changed = true;
    if (old) numbers[old.status] -= 1;
    numbers[task.status] += 1;
    moved ||= !old || old.status !== task.status || old.createdAt !== task.createdAt;
    moved ||= old?.name !== task.name || old.owner !== task.owner;
    newTypes.add(task.type);
    if (task.owner !== null) newOwners.add(task.owner);
    tasks.set(id, task);
  }
  waiting.clear();
  if (!changed) return;
  counts.value = numbers;
  if (newTypes.size !== types.peek().length) types.value = [...newTypes].sort();
  if (newOwners.size !== owners.peek().length) owners.value = [...newOwners].sort();
  version.value += 1;
  if (moved) listChanged();
}

/** Lists are made anew: of many tasks not too often. */
function listChanged(): void {
  if (tasks.size <= MANY) membership.value += 1;
  else
    listTimer ??= window.setTimeout(() => {
      listTimer = undefined;
      membership.value += 1;
    }, 400);
}

function recount(): void {
  const numbers = emptyCounts();
  for (const task of tasks.values()) numbers[task.status] += 1;
  counts.value = numbers;
  version.value += 1;
  membership.value += 1;
}

function emptyCounts(): Record<TaskStatus, number> {
  return Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<TaskStatus, number>;
}
