import { Beginning } from "./beginning.js";
import { LogWatches } from "./logs.js";
import { StatsWatches } from "./stats.js";
import { TaskStore } from "./store.js";
import { newestFirst, type Task, type TaskStatus } from "./task.js";
import { callSafely } from "./waiting.js";

/** What has to be followed on the server, all watches together. */
export interface Wanted {
  readonly everything: boolean;
  readonly types: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
  /** Those of `ids` that are sent whole, also where their payloads are too large for lists. */
  readonly payloads: ReadonlySet<string>;
  /** The tasks whose logs are followed, whatever else is. */
  readonly logs: ReadonlySet<string>;
  /** Whether how things are is sent again and again. */
  readonly stats: boolean;
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

/** Is told of every snapshot as it comes, also of those that nobody watches. */
export class Feed extends Beginning {
  constructor(
    readonly types: ReadonlySet<string> | null,
    private readonly listener: (task: Task) => void,
    began: () => void,
  ) {
    super(began);
  }

  take(task: Task): void {
    if (this.types?.has(task.type) ?? true) callSafely(this.listener, task);
  }
}

const KEPT = 1000;

/** All watches of one client, and the snapshots that they show. */
export class Watches {
  readonly logs = new LogWatches();
  readonly stats = new StatsWatches();
  readonly store = new TaskStore(KEPT, (id) => this.pins(id));
  readonly #tasks = new Set<TaskWatch>();
  readonly #lists = new Set<ListWatch>();
  readonly #feeds = new Set<Feed>();
  readonly #pinned = new Map<string, number>();
  readonly #whole = new Set<string>();
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
      this.#whole.delete(watch.id);
    }
  }

  addList(watch: ListWatch): void {
    this.#lists.add(watch);
  }

  removeList(watch: ListWatch): void {
    this.#lists.delete(watch);
  }

  addFeed(feed: Feed): void {
    this.#feeds.add(feed);
  }

  removeFeed(feed: Feed): void {
    this.#feeds.delete(feed);
  }

  /** Whether somebody watches just this task. */
  pins(id: string): boolean {
    return this.#pinned.has(id);
  }

  /** A snapshot has come without its payload; whether somebody who wants it did not know yet. */
  isLarge(task: Task): boolean {
    if (task.payloadOmitted !== true || !this.pins(task.id) || this.#whole.has(task.id)) return false;
    this.#whole.add(task.id);
    return true;
  }

  /** Have these, which are watched, sent whole, however large their payloads are. */
  wantWhole(ids: Iterable<string>): void {
    for (const id of ids) this.#whole.add(id);
  }

  /** A snapshot has come: tell those who are told of all. */
  take(task: Task): void {
    for (const feed of [...this.#feeds]) feed.take(task);
  }

  /** Whether anybody watches this task. */
  follow(task: Task): boolean {
    return this.pins(task.id) || [...this.#lists].some((watch) => watch.follows(task));
  }

  wanted(): Wanted {
    const wide = [...this.#lists, ...this.#feeds];
    return {
      everything: wide.some(({ types }) => types === null),
      types: new Set(wide.flatMap(({ types }) => [...(types ?? [])])),
      ids: new Set(this.#pinned.keys()),
      payloads: new Set(this.#whole),
      logs: this.logs.ids(),
      stats: this.stats.isWanted,
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

  /** The server follows `followed`: of that nothing is missed from now on. */
  following(followed: Wanted): void {
    for (const feed of [...this.#feeds]) if (covers(followed, feed.types)) feed.begin();
    if (followed.stats) this.stats.begin();
  }

  /** The server may follow nothing. */
  interrupted(): void {
    for (const feed of this.#feeds) feed.interrupt();
    this.stats.interrupt();
  }

  /** What `followed` contains is now in the store. */
  synced(followed: Wanted): void {
    for (const watch of this.#lists) if (covers(followed, watch.types)) watch.ready();
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
    this.#feeds.clear();
    this.#pinned.clear();
    this.#whole.clear();
    this.logs.clear();
    this.stats.clear();
  }
}

/** Whether all tasks of `types`, or all there are, are followed. */
function covers(followed: Wanted, types: ReadonlySet<string> | null): boolean {
  if (followed.everything) return true;
  return types !== null && [...types].every((type) => followed.types.has(type));
}
