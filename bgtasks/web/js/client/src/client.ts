import { TaskApi, type TaskFilter } from "./api.js";
import { TaskError, TaskNotFoundError } from "./errors.js";
import { Follower } from "./follower.js";
import { Link, type Connection } from "./link.js";
import type { LogListener } from "./logs.js";
import { COMMANDS, MAX_TYPE } from "./protocol.js";
import { mountPoint, type Io } from "./socket.js";
import { isFinal, isTaskId, taskId, type Task, type TaskOf, type TypeName } from "./task.js";
import type { ScheduleInfo } from "./schedules.js";
import type { StatsListener } from "./stats.js";
import type { TypeInfo } from "./types.js";
import { callSafely } from "./waiting.js";
import { Feed, ListWatch, TaskWatch, Watches, type Filter } from "./watches.js";

export interface ConnectOptions {
  /** Where the application is mounted; default `/background-tasks`. */
  readonly url?: string;
  /** Returns the token that the server's policy finds as `requester.auth["token"]`, and over HTTP
   * in the header `Authorization: Bearer`. It is asked for each request over HTTP, at each connect,
   * and again, later and later, when the server refused the last one. */
  readonly token?: () => string | Promise<string>;
  /** Milliseconds that an answer of the server may take; default 5000. */
  readonly timeout?: number;
  /** Milliseconds before a first new try, doubled each time: up to 30 s after a refusal, up to 5 s
   * after a lost connection; default 1000. */
  readonly retryDelay?: number;
  /** What `onUpdate` follows, and `watchAll` when its filter names no types; default: every
   * type. */
  readonly types?: readonly string[];
}

/** Ends what returned it. Calling it twice is harmless. */
export type Stop = () => void;

/** The tasks of a server, live. `Types` maps the names of task types to their payloads. */
export class TaskClient<Types extends object = Record<string, unknown>> {
  /** The tasks of the same server over HTTP: pages of the whole list, attempts, permissions. */
  readonly api: TaskApi<Types>;
  readonly #watches = new Watches();
  readonly #connectionListeners = new Set<(connection: Connection) => void>();
  readonly #scheduleListeners = new Set<(schedule: ScheduleInfo) => void>();
  readonly #typeListeners = new Set<(type: TypeInfo) => void>();
  readonly #iterations = new Set<() => void>();
  readonly #types: readonly string[] | undefined;
  readonly #link: Link;
  readonly #follower: Follower;

  /** Use `connect` instead. */
  constructor(io: Io, options: ConnectOptions) {
    checkOptions(options);
    const { url = "/background-tasks", timeout = 5000, retryDelay = 1000, token } = options;
    const mount = (): URL => mountPoint(url);
    checkTypes(options.types);
    this.#types = options.types;
    this.api = new TaskApi(mount, timeout, token);
    this.#link = new Link(io, { mount, timeout, retryDelay, token }, {
      up: () => this.#follower.restart(),
      updated: (task) => this.#follower.take(task),
      logged: (news) => this.#watches.logs.take(news),
      statsUpdated: (stats) => this.#watches.stats.take(stats),
      typeUpdated: (type) => tell(this.#typeListeners, type),
      scheduleUpdated: (schedule) => tell(this.#scheduleListeners, schedule),
      changed: (connection) => this.#tellConnection(connection),
    });
    this.#follower = new Follower(this.#link, this.#watches, retryDelay);
  }

  /** Follow one task: its newest snapshot now, and again with every change. `null` says that
   * there is no such task, or no longer, that it is not yours to see, or that `id` is no id. */
  watch<Name extends TypeName<Types> = TypeName<Types>>(
    id: string,
    listener: (task: TaskOf<Types, Name> | null) => void,
  ): Stop;
  /** The same for `for await`: ends after a final snapshot. Throws TaskNotFoundError, and
   * RefusedError or ClosedError when the connection is over for good. */
  watch<Name extends TypeName<Types> = TypeName<Types>>(
    id: string,
  ): AsyncGenerator<TaskOf<Types, Name>, void, undefined>;
  // The overloads above are what callers see; inside, a task is a task.
  watch(id: string, listener?: (task: any) => void): any {
    return listener === undefined ? this.#iterate(id) : this.#watch(id, listener);
  }

  /** Follow all tasks that `filter` lets through: the whole list, newest first, as soon as it is
   * known and again with every change. Of what ended long ago the server sends nothing. */
  watchAll<Name extends TypeName<Types> = TypeName<Types>>(
    filter: TaskFilter<Name>,
    listener: (tasks: readonly TaskOf<Types, Name>[]) => void,
  ): Stop {
    const types = filter.types ?? this.#types;
    checkTypes(types);
    const wide: Filter = { ...filter, types };
    const watch = new ListWatch(wide, listener as (tasks: readonly Task[]) => void);
    this.#link.open();
    this.#watches.addList(watch);
    this.#follower.follow();
    return () => {
      this.#watches.removeList(watch);
      this.#follower.follow();
    };
  }

  /** Follow the log of a task: `listener` gets the lines that are kept, then new ones as they come,
   * each once and in order; and as its second argument all so far, 10,000 at most. Of a task that is
   * not yours to see come none. Throws RangeError where 20 logs are followed already. */
  watchLogs(id: string, listener: LogListener): Stop {
    this.#link.open();
    if (!isTaskId(id)) return () => {};
    const stop = this.#watches.logs.add(taskId(id), listener);
    this.#follower.follow();
    return () => {
      stop();
      this.#follower.follow();
    };
  }

  /** Be told how things are, at first and then at most once a second, where something has changed: the
   * answer of `GET api/stats`. `began` is called when that begins, at first and after each lost
   * connection. Where the policy does not let this user see statistics, none come. */
  watchStats(listener: StatsListener, began: () => void = () => {}): Stop {
    this.#link.open();
    const stop = this.#watches.stats.add(listener, began);
    this.#follower.follow();
    return () => {
      stop();
      this.#follower.follow();
    };
  }

  /** Be told of every snapshot as it comes, for a page that keeps more tasks than `watchAll` does:
   * of two snapshots of a task, `isNewer` says which to keep. `began` is called when the updates
   * begin, at first and after each lost connection: read then, with `api.list`, what was before;
   * nothing that comes afterwards is missed. */
  onUpdate(listener: (task: TaskOf<Types>) => void, began: () => void = () => {}): Stop {
    const types = this.#types && new Set(this.#types);
    this.#link.open();
    const feed = new Feed(types ?? null, listener as (task: Task) => void, began);
    this.#watches.addFeed(feed);
    this.#follower.follow();
    return () => {
      this.#watches.removeFeed(feed);
      this.#follower.follow();
    };
  }

  /** Ask for the cancellation of a task; gives its newest snapshot. Throws TaskError with the
   * server's reason, TimeoutError, DisconnectedError, RefusedError or ClosedError. */
  cancel(id: string): Promise<TaskOf<Types>> {
    return this.#change(COMMANDS.cancel.event, id);
  }

  /** Have a failed or cancelled task run again; gives and throws as `cancel` does. */
  retry(id: string): Promise<TaskOf<Types>> {
    return this.#change(COMMANDS.retry.event, id);
  }

  /** Connect anew and now, with a fresh token: after a refusal, once the user has logged in, or in
   * place of the wait for the next try. Throws ClosedError. */
  reconnect(): void {
    this.#link.reconnect();
  }

  /** How it stands with the connection, now and whenever that changes. */
  onConnection(listener: (connection: Connection) => void): Stop {
    const stop = this.#listen(this.#connectionListeners, listener);
    callSafely(listener, this.#link.connection);
    return stop;
  }

  /** Be told of each change of a schedule, if the policy lets this user control them. How they are
   * at first, and after a lost connection, says `api.schedules()`. */
  onScheduleUpdated(listener: (schedule: ScheduleInfo) => void): Stop {
    return this.#listen(this.#scheduleListeners, listener);
  }

  /** Be told of each type of tasks that is paused or resumed, if the policy lets this user control
   * them. How they are at first, and after a lost connection, says `api.types()`. */
  onTypeUpdated(listener: (type: TypeInfo<TypeName<Types>>) => void): Stop {
    return this.#listen(this.#typeListeners, listener as (type: TypeInfo) => void);
  }

  /** Disconnect; from now on no listener is called. */
  close(): void {
    this.#link.close();
    this.#follower.stop();
    this.#watches.clear();
    // Whoever iterates has to learn of it; others were told to expect nothing more.
    for (const end of [...this.#iterations]) end();
    this.#connectionListeners.clear();
    this.#typeListeners.clear();
    this.#scheduleListeners.clear();
  }

  #watch(id: string, listener: (task: Task | null) => void): Stop {
    this.#link.open();
    if (!isTaskId(id)) return later(() => listener(null));
    const watch = new TaskWatch(taskId(id), listener);
    this.#watches.addTask(watch);
    this.#watches.flushSoon();
    this.#follower.follow();
    return () => {
      this.#watches.removeTask(watch);
      this.#follower.follow();
    };
  }

  async *#iterate(id: string): AsyncGenerator<Task, void, undefined> {
    let news: Task | null | undefined;
    let wake = (): void => {};
    const onNews = (): void => wake();
    const stop = this.#watch(id, (task) => {
      news = task;
      wake();
    });
    this.#iterations.add(onNews);
    try {
      for (;;) {
        while (news === undefined) {
          if (this.#link.failure !== null) throw this.#link.failure;
          await new Promise<void>((resolve) => (wake = resolve));
        }
        if (news === null) throw new TaskNotFoundError(`there is no task with id ${id}`);
        const task: Task = news;
        news = undefined;
        yield task;
        if (isFinal(task)) return;
      }
    } finally {
      this.#iterations.delete(onNews);
      stop();
    }
  }

  async #change(event: string, id: string): Promise<TaskOf<Types>> {
    const { task } = await this.#link.request(event, { id });
    if (task === undefined) throw new TaskError("the server's answer has no task");
    this.#follower.take(task);
    return task as TaskOf<Types>;
  }

  #listen<News>(listeners: Set<(news: News) => void>, listener: (news: News) => void): Stop {
    this.#link.open();
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  #tellConnection(connection: Connection): void {
    tell(this.#connectionListeners, connection);
    if (this.#link.failure !== null) for (const end of [...this.#iterations]) end();
  }
}

function tell<News>(listeners: ReadonlySet<(news: News) => void>, news: News): void {
  for (const listener of [...listeners]) callSafely(listener, news); // one may stop another
}

/** Calls `action` soon, unless that is stopped before. */
function later(action: () => void): Stop {
  let wanted = true;
  queueMicrotask(() => {
    if (wanted) callSafely(action, undefined);
  });
  return () => void (wanted = false);
}

/** Without a compiler an address is easily given in their place, and would be overlooked. */
export function checkOptions(options: ConnectOptions): void {
  if (typeof options !== "object") {
    throw new TypeError(`connect was given ${JSON.stringify(options)}; expected options: connect({ url: "…" })`);
  }
}

// The server refuses a whole subscription for one part that it cannot read: find it out here.
function checkTypes(types: readonly string[] | undefined): void {
  for (const type of types ?? []) {
    if (typeof type !== "string" || type.length < 1 || type.length > MAX_TYPE) {
      throw new TypeError(`types has ${JSON.stringify(type)}; accepted: names of task types`);
    }
  }
}
