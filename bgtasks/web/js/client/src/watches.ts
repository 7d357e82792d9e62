import { TaskStore } from "./store.js";
import type { Task, TaskStatus } from "./task.js";
import { callSafely } from "./waiting.js";

/** What has to be followed on the server, all watches together. */
export interface Wanted {
  readonly everything: boolean;
  readonly types: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
  /** Those of `ids` whose payloads are too large for lists. */
  readonly payloads: ReadonlySet<string>;
}

export interface Filter {
  readonly types?: readonly string[] | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly owner?: string | null | undefined;
}

export interface Watch {
  /** Whether it has to be told when this task changes or goes. */
  follows(task: Task): boolean;
  /** `task`, which it follows, has changed or is gone. */
  touched(): void;
  /** Tell the listener, if there is news and it is known to be true. */
  flush(store: TaskStore): void;
}

/** Follows one task. */
export class TaskWatch implements Watch {
  #missing = false;
  #shown: Task | null | undefined;

  constructor(
    readonly id: string,
    private readonly listener: (task: Task | null) => void,
  ) {}

  follows(task: Task): boolean {
    return task.id === this.id;
  }

  touched(): void {
    this.#missing = false;
  }

  /** The server says that there is no such task. */
  missing(): void {
    this.#missing = true;
  }

  flush(store: TaskStore): void {
    const now = store.get(this.id) ?? (this.#missing ? null : undefined);
    if (now === undefined || now === this.#shown) return;
    this.#shown = now;
    callSafely(this.listener, now);
  }
}

/** Follows all tasks that a filter lets through. */
export class ListWatch implements Watch {
  readonly types: ReadonlySet<string> | null;
  readonly #statuses: ReadonlySet<string> | null;
  readonly #owner: string | null | undefined;
  #ready = false;
  #news = true;

  constructor(
    filter: Filter,
    private readonly listener: (tasks: readonly Task[]) => void,
  ) {
    this.types = filter.types ? new Set(filter.types) : null;
    this.#statuses = filter.statuses ? new Set(filter.statuses) : null;
    this.#owner = filter.owner;
  }

  follows(task: Task): boolean {
    return this.types?.has(task.type) ?? true;
  }

  touched(): void {
    this.#news = true;
  }

  /** The store has what the server has: an empty list would be the truth. */
  ready(): void {
    this.#ready = true;
  }

  flush(store: TaskStore): void {
    if (!this.#ready || !this.#news) return;
    this.#news = false;
    callSafely(this.listener, store.all().filter((task) => this.#shows(task)).sort(newestFirst));
  }

  #shows(task: Task): boolean {
    const { status, owner } = task;
    return (
      this.follows(task) &&
      (this.#statuses?.has(status) ?? true) &&
      (this.#owner === undefined || this.#owner === owner)
    );
  }
}

const KEPT = 1000;

/** All watches of one client, and the snapshots that they show. */
export class Watches {
  readonly store = new TaskStore(KEPT, (id) => this.pins(id));
  readonly #tasks = new Set<TaskWatch>();
  readonly #lists = new Set<ListWatch>();
  readonly #pinned = new Map<string, number>();
  readonly #large = new Set<string>();
  #flushing = false;

  addTask(watch: TaskWatch): void {
    this.#tasks.add(watch);
    this.#pinned.set(watch.id, (this.#pinned.get(watch.id) ?? 0) + 1);
  }

  removeTask(watch: TaskWatch): void {
    if (!this.#tasks.delete(watch)) return;
    const count = (this.#pinned.get(watch.id) ?? 0) - 1;
    if (count > 0) this.#pinned.set(watch.id, count);
    else {
      this.#pinned.delete(watch.id);
      this.#large.delete(watch.id);
    }
  }

  addList(watch: ListWatch): void {
    this.#lists.add(watch);
  }

  removeList(watch: ListWatch): void {
    this.#lists.delete(watch);
  }

  /** Whether somebody watches just this task. */
  pins(id: string): boolean {
    return this.#pinned.has(id);
  }

  /** A snapshot has come without its payload; whether somebody who wants it did not know yet. */
  isLarge(task: Task): boolean {
    if (task.payloadOmitted !== true || !this.pins(task.id) || this.#large.has(task.id)) return false;
    this.#large.add(task.id);
    return true;
  }

  /** Whether anybody follows this task. */
  follow(task: Task): boolean {
    return this.pins(task.id) || [...this.#lists].some((watch) => watch.follows(task));
  }

  wanted(): Wanted {
    const lists = [...this.#lists];
    return {
      everything: lists.some((watch) => watch.types === null),
      types: new Set(lists.flatMap((watch) => [...(watch.types ?? [])])),
      ids: new Set(this.#pinned.keys()),
      payloads: new Set(this.#large),
    };
  }

  /** `task` has changed or is gone. */
  touched(task: Task): void {
    for (const watch of this.#tasks) if (watch.follows(task)) watch.touched();
    for (const watch of this.#lists) if (watch.follows(task)) watch.touched();
    this.flushSoon();
  }

  missing(id: string): void {
    for (const watch of this.#tasks) if (watch.id === id) watch.missing();
    this.flushSoon();
  }

  /** What `followed` contains is now in the store. */
  synced(followed: Wanted): void {
    for (const watch of this.#lists) if (covers(followed, watch)) watch.ready();
    this.flushSoon();
  }

  /** Tell the listeners once for all changes that come together. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      // A listener may stop another: ask again whether it is still there.
      for (const watch of [...this.#tasks]) if (this.#tasks.has(watch)) watch.flush(this.store);
      for (const watch of [...this.#lists]) if (this.#lists.has(watch)) watch.flush(this.store);
    });
  }

  clear(): void {
    this.#tasks.clear();
    this.#lists.clear();
    this.#pinned.clear();
    this.#large.clear();
  }
}

/** Whether everything that `watch` shows is followed. */
export function covers(followed: Wanted, watch: ListWatch): boolean {
  if (followed.everything) return true;
  return watch.types !== null && [...watch.types].every((type) => followed.types.has(type));
}

function newestFirst(a: Task, b: Task): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
