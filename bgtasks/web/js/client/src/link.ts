import {
  BackgroundTasksError,
  ClosedError,
  DisconnectedError,
  RefusedError,
  TaskError,
  TimeoutError,
} from "./errors.js";
import type { LogNews } from "./logs.js";
import {
  NAMESPACE,
  SCHEDULE_UPDATED,
  SOCKET,
  STATS_UPDATED,
  TASK_LOG,
  TASK_UPDATED,
  TYPE_UPDATED,
} from "./protocol.js";
import type { Io, Socket } from "./socket.js";
import type { Stats } from "./stats.js";
import type { Task } from "./task.js";
import type { ScheduleInfo } from "./schedules.js";
import type { TypeInfo } from "./types.js";
import { backoff, messageOf, within } from "./waiting.js";

/** How it stands with the connection. `message` says why, where there is something to say. */
export interface Connection {
  readonly state: "connecting" | "connected" | "disconnected" | "refused";
  readonly message: string | null;
}

export interface LinkOptions {
  /** Where the application is; asked for when it is needed, since a server has no page. */
  readonly mount: () => URL;
  readonly timeout: number;
  readonly retryDelay: number;
  readonly token: (() => string | Promise<string>) | undefined;
}

export interface LinkEvents {
  up(): void;
  updated(task: Task): void;
  logged(news: LogNews): void;
  statsUpdated(stats: Stats): void;
  typeUpdated(type: TypeInfo): void;
  scheduleUpdated(schedule: ScheduleInfo): void;
  changed(connection: Connection): void;
}

export interface Answer {
  readonly ok: true;
  readonly task?: Task;
  readonly tasks?: readonly Task[];
}

/** The connection to the hub: lets itself in, comes back by itself, and answers or throws. */
export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #io: Io;
  #made: Socket | undefined;
  #connection: Connection = { state: "connecting", message: null };
  #closed = false;
  #refusals = 0;
  #logins = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(io: Io, options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#io = io;
  }

  /** Connect, unless that was done before. Throws TypeError for an address that is none. */
  open(): void {
    if (!this.#closed) void this.#socket;
  }

  /** Connect anew and now, with a fresh login: after a refusal, or in place of a wait. */
  reconnect(): void {
    if (this.#closed) throw new ClosedError("the client was closed");
    const begun = this.#made !== undefined;
    const socket = this.#socket;
    if (begun) socket.disconnect();
    clearTimeout(this.#timer);
    this.#refusals = 0;
    this.#become("connecting", null);
    if (begun) socket.connect();
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Why the connection is over for good; `null` while it may come back. */
  get failure(): BackgroundTasksError | null {
    if (this.#closed) return new ClosedError("the client was closed");
    const refused = this.#connection.state === "refused" && this.#options.token === undefined;
    return refused ? new RefusedError(this.#connection.message ?? "refused") : null;
  }

  /** The server's answer. Without a connection it is waited for, as long as for an answer. */
  async request(event: string, argument: object): Promise<Answer> {
    if (this.failure !== null) throw this.failure;
    let answer: unknown;
    try {
      answer = await this.#socket.timeout(this.#options.timeout).emitWithAck(event, argument);
    } catch (error) {
      throw this.#noAnswer(event, error);
    }
    if (isAnswer(answer)) return answer;
    throw new TaskError(refusal(answer));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#made?.disconnect();
  }

  /** Made when it is needed first: a module that is loaded on a server must open nothing. */
  get #socket(): Socket {
    return (this.#made ??= this.#connect());
  }

  #connect(): Socket {
    const mount = this.#options.mount();
    const socket = this.#io(mount.origin + NAMESPACE, {
      path: new URL(`.${SOCKET}`, mount).pathname,
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: this.#options.retryDelay,
      timeout: this.#options.timeout,
      auth: (send) => void this.#logIn(send),
    });
    socket.on("connect", () => this.#connected());
    socket.on("disconnect", (reason: string) => this.#lost(reason));
    socket.on("connect_error", (error: Error) => this.#failed(error.message));
    socket.on(TASK_UPDATED, (task: Task) => this.#events.updated(task));
    socket.on(TASK_LOG, (news: LogNews) => this.#events.logged(news));
    socket.on(STATS_UPDATED, (stats: Stats) => this.#events.statsUpdated(stats));
    socket.on(SCHEDULE_UPDATED, (one: ScheduleInfo) => this.#events.scheduleUpdated(one));
    socket.on(TYPE_UPDATED, (type: TypeInfo) => this.#events.typeUpdated(type));
    return socket;
  }

  async #logIn(send: (data: object) => void): Promise<void> {
    const login = ++this.#logins;
    // What is followed is said afterwards, by Subscribe: here a task could be missed in between.
    const nothing = { types: [] };
    if (this.#options.token === undefined) return send(nothing);
    try {
      const token = await within(this.#options.timeout, this.#options.token(), "it took too long");
      if (login === this.#logins && !this.#closed) send({ ...nothing, token });
    } catch (error) {
      if (login === this.#logins) this.#refused(`the token callback failed: ${messageOf(error)}`);
    }
  }

  #connected(): void {
    this.#refusals = 0;
    this.#become("connected", null);
    this.#events.up();
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#become("disconnected", reason);
    // The one case in which Socket.IO does not come back by itself.
    if (!this.#socket.active) this.#tryLater();
  }

  #failed(message: string): void {
    if (this.#closed) return;
    if (this.#socket.active) this.#become("disconnected", message);
    else this.#refused(message);
  }

  #refused(message: string): void {
    if (this.#closed) return;
    this.#socket.disconnect();
    this.#become("refused", message);
    // The same credentials would be refused again; a fresh token may be accepted.
    if (this.#options.token !== undefined) this.#tryLater();
  }

  #tryLater(): void {
    clearTimeout(this.#timer);
    const wait = backoff(++this.#refusals, this.#options.retryDelay);
    this.#timer = setTimeout(() => this.#socket.connect(), wait);
  }

  #become(state: Connection["state"], message: string | null): void {
    this.#connection = { state, message };
    this.#events.changed(this.#connection);
  }

  #noAnswer(event: string, error: unknown): BackgroundTasksError {
    if (this.failure !== null) return this.failure;
    if (messageOf(error).includes("disconnected")) {
      return new DisconnectedError(`the connection was lost before ${event} was answered`);
    }
    return new TimeoutError(`no answer to ${event} within ${this.#options.timeout} ms`);
  }
}

function isAnswer(answer: unknown): answer is Answer {
  return typeof answer === "object" && answer !== null && "ok" in answer && answer.ok === true;
}

function refusal(answer: unknown): string {
  const error = (answer as { error?: unknown } | null)?.error;
  return typeof error === "string" ? error : "the server's answer is of no known form";
}
