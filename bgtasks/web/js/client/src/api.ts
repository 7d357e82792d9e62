import { DisconnectedError, RefusedError, TaskError } from "./errors.js";
import {
  ATTEMPTS,
  BULK,
  BULK_JOB,
  COMMANDS,
  COUNTS,
  LOGS,
  PAUSE_SCHEDULE,
  PAUSE_TYPE,
  PERMISSIONS,
  RESUME_SCHEDULE,
  RESUME_TYPE,
  RUN_SCHEDULE,
  SCHEDULES,
  TASK,
  TASKS,
  TYPES,
} from "./protocol.js";
import type { LogPart } from "./logs.js";
import { isTaskId, taskId, type Task, type TaskOf, type TaskStatus, type TypeName } from "./task.js";
import type { ScheduleInfo, SchedulePage } from "./schedules.js";
import type { TypeInfo } from "./types.js";
import { callSafely, messageOf, within } from "./waiting.js";

/** Milliseconds between two looks at a bulk job. */
const LOOK = 500;

/** How often in a row its progress may not be found. */
const MISSES = 20;

/** Which tasks; what is left out does not filter. */
export interface TaskFilter<Name extends string = string> {
  readonly types?: readonly Name[];
  readonly statuses?: readonly TaskStatus[];
  /** `null`: tasks without an owner. */
  readonly owner?: string | null;
}

/** A time from `after` on and before `before`. */
export interface TimeRange {
  readonly after?: Date;
  readonly before?: Date;
}

/** What the server can look for beside that. */
export interface TaskSearch<Name extends string = string> extends TaskFilter<Name> {
  /** Words, each of which occurs in the name, a message or (if the policy lets you see them) the
   * arguments, or begins the id. */
  readonly q?: string;
  /** What arguments are, by their paths, such as `{"options.size": 3}`; at most 5. Only if the
   * policy lets you see them. */
  readonly arguments?: Readonly<Record<string, string | number | boolean | null>>;
  /** When the tasks were submitted. */
  readonly created?: TimeRange;
  /** When their newest attempts began. */
  readonly started?: TimeRange;
  /** When they became final. */
  readonly ended?: TimeRange;
  /** Waiting tasks by what they wait for: their turn, a named time, another attempt. */
  readonly view?: "waiting" | "scheduled" | "retrying";
  /** The `group` of a failure: tasks whose newest failure is that one. */
  readonly error?: string;
}

/** A part of the list of all tasks, newest first. */
export interface TaskPage<Item = Task> {
  readonly items: readonly Item[];
  /** Where the next page begins; `null` after the last. */
  readonly nextCursor: string | null;
  /** How many there are on all pages, where that was asked for. */
  readonly total?: number;
  /** `false`: only the newest 10,000 tasks that fit were sorted. */
  readonly complete?: false;
  /** A search took a second: all that fit and were submitted since then are found, the next page
   * goes on. */
  readonly searchedTo?: string;
}

/** Which page, and what of its tasks. */
export interface PageOptions {
  /** At most 200; 50 if it is left out. */
  readonly limit?: number;
  readonly cursor?: string | null;
  /** Without `payload` items have `null` there, and `payloadOmitted` where there is one. */
  readonly include?: readonly ("payload" | "arguments")[];
  /** Have all pages counted. */
  readonly count?: boolean;
  /** By which time, with `-` the newest first; `-created` if it is left out. */
  readonly sort?: "-created" | "created" | "-started" | "started" | "-ended" | "ended";
}

/** What only those get whom the policy lets see arguments: of one task all of it, of the items of a
 * list the `arguments`, if they are included. */
export interface TaskDetails {
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly priority?: number;
  readonly changedAt?: string;
  readonly maxAttempts?: number | null;
  /** In seconds. */
  readonly timeout?: number | null;
}

/** One run of a task. Times are ISO 8601 texts in UTC. */
export interface Attempt {
  readonly attempt: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** `"completed"`, `"failed"`, `"timed out"`, `"interrupted"`, `"cancelled"` or `"not begun"`;
   * `null` while it runs. */
  readonly outcome: string | null;
  readonly process: { readonly id: string; readonly host: string; readonly pid: number } | null;
  readonly error: AttemptError | null;
  readonly traceback: string | null;
  /** There is a traceback, and it was left out: those of the newest attempts have a million bytes. */
  readonly tracebackOmitted: boolean;
  /** The key of the failures that are the same one. */
  readonly group: string | null;
}

/** Why an attempt ended badly, and where in the application's own code. */
export interface AttemptError {
  readonly type: string;
  readonly message: string;
  readonly frame: string | null;
}

/** What the policy allows for a task: who may cancel may delete, who may retry may run again. */
export type Action = "cancel" | "retry";

/** What of it the policy lets this user do. */
export type Permissions = Readonly<Record<Action, boolean>>;

/** What can be done to many tasks at once. */
export type BulkAction = "cancel" | "retry" | "delete";

/** How many tasks an action would change. */
export interface BulkMatch<Name extends string = string> {
  readonly matched: number;
  /** How many of each type. */
  readonly types: Readonly<Partial<Record<Name, number>>>;
  /** How many of the owners who have most, those of nobody under the empty text; `null` where there
   * are too many tasks to look at each. */
  readonly owners: Readonly<Record<string, number>> | null;
}

/** A job that changes many tasks. */
export interface BulkJob {
  readonly id: string;
  readonly matched: number;
}

/** How far a job is. */
export interface BulkProgress extends BulkJob {
  readonly action: BulkAction;
  readonly status: "Running" | "Completed" | "Cancelled" | "Failed";
  readonly done: number;
  /** By the policy, which is asked for each of them. */
  readonly notAllowed: number;
  /** Had moved on meanwhile, or another task holds their key. */
  readonly gone: number;
  /** The first of those two. */
  readonly refused: readonly { readonly id: string; readonly reason: "not allowed" | "moved on" }[];
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Why it has failed. */
  readonly error: string | null;
}

/** How a job is begun and followed. */
export interface BulkOptions {
  /** Tasks that were submitted from then on are left alone. */
  readonly asOf?: Date;
  /** Is told how far the job is, about twice a second. */
  readonly onProgress?: (progress: BulkProgress) => void;
  /** Ends the job. */
  readonly signal?: AbortSignal;
}

/** The HTTP API of the application: what is asked for once, and needs no websocket. Everything
 * rejects with TaskError, which has the server's reason and status, or with DisconnectedError. */
export class TaskApi<Types extends object = Record<string, unknown>> {
  /** Use `connect(…).api` instead. */
  constructor(
    private readonly mount: () => URL,
    private readonly timeout: number,
    private readonly token: (() => string | Promise<string>) | undefined,
  ) {}

  /** A page of all tasks that `filter` lets through, however old. */
  list<Name extends TypeName<Types> = TypeName<Types>>(
    filter: TaskSearch<Name> & PageOptions = {},
  ): Promise<TaskPage<TaskOf<Types, Name> & Pick<TaskDetails, "arguments">>> {
    const query = new URLSearchParams(written(filter));
    if (filter.limit !== undefined) query.append("limit", String(filter.limit));
    if (filter.cursor) query.append("cursor", filter.cursor);
    if (filter.include?.length) query.append("include", filter.include.join(","));
    if (filter.count) query.append("count", "true");
    if (filter.sort) query.append("sort", filter.sort);
    return this.#ask("GET", TASKS, `?${query}`);
  }

  /** How many tasks there are in each status that is asked for. */
  counts(filter: TaskSearch<TypeName<Types>> = {}): Promise<Readonly<Partial<Record<TaskStatus, number>>>> {
    return this.#ask("GET", COUNTS, `?${new URLSearchParams(written(filter))}`);
  }

  /** A task with its whole payload; `null`: there is none, or it is not yours to see. */
  async find(id: string): Promise<(TaskOf<Types> & TaskDetails) | null> {
    if (!isTaskId(id)) return null;
    try {
      return await this.#ask("GET", of(id, TASK));
    } catch (error) {
      if (error instanceof TaskError && error.status === 404) return null;
      throw error;
    }
  }

  /** As `cancel` of the client, where no websocket gets through. */
  async cancel(id: string): Promise<TaskOf<Types>> {
    return this.#change("cancel", id);
  }

  /** As `retry` of the client, where no websocket gets through. */
  async retry(id: string): Promise<TaskOf<Types>> {
    return this.#change("retry", id);
  }

  /** Submit a new task with the arguments, owner and priority of a task; gives the new one.
   * `changed` arguments are those that shall be others: only if the policy lets you see them. */
  async runAgain(id: string, changed?: Readonly<Record<string, unknown>>): Promise<TaskOf<Types>> {
    return this.#change("runAgain", id, changed && { arguments: changed });
  }

  /** Drop a final task, with all that is kept of it; gives it as it was last. */
  async remove(id: string): Promise<TaskOf<Types>> {
    return this.#change("delete", id);
  }

  /** How many tasks `bulk` would change. */
  async matching(
    action: BulkAction,
    filter: TaskSearch<TypeName<Types>>,
  ): Promise<BulkMatch<TypeName<Types>>> {
    return this.#ask("POST", BULK, "?dryRun=true", { action, filter: asBody(filter) });
  }

  /** Do the same to all tasks that `filter` lets through, those not loaded too; gives how it went
   * when it is over. Nothing is done where their number is more than 10 % off `expected`. */
  async bulk(
    action: BulkAction,
    filter: TaskSearch<TypeName<Types>>,
    expected: number,
    { onProgress, signal, ...options }: BulkOptions = {},
  ): Promise<BulkProgress> {
    const { id } = await this.beginBulk(action, filter, expected, options);
    for (let misses = 0; ; ) {
      if (signal?.aborted) return this.endBulk(id);
      const progress = await this.bulkProgress(id).catch((error: unknown) => {
        // The server may be several processes, of which one knows the job.
        if (!(error instanceof TaskError && error.status === 404) || ++misses > MISSES) throw error;
        return null;
      });
      if (progress) {
        misses = 0;
        if (onProgress) callSafely(onProgress, progress);
        if (progress.status !== "Running") return progress;
      }
      await pause(LOOK, signal);
    }
  }

  /** Begin what `bulk` does. */
  async beginBulk(
    action: BulkAction,
    filter: TaskSearch<TypeName<Types>>,
    expected: number,
    { asOf }: Pick<BulkOptions, "asOf"> = {},
  ): Promise<BulkJob> {
    const until = asOf && { asOf: asOf.toISOString() };
    return this.#ask("POST", BULK, "", { action, filter: asBody(filter), expected, ...until });
  }

  /** How far a job is that you began. It is known until the server process ends. */
  async bulkProgress(id: string): Promise<BulkProgress> {
    return this.#ask("GET", of(id, BULK_JOB));
  }

  /** Have a job change nothing more; gives how far it came. */
  async endBulk(id: string): Promise<BulkProgress> {
    return this.#ask("DELETE", of(id, BULK_JOB));
  }

  /** The attempts of a task, the oldest first, with tracebacks and processes if the policy lets
   * you see them. */
  async attempts(id: string): Promise<readonly Attempt[]> {
    const { items } = await this.#ask<{ items: Attempt[] }>("GET", of(id, ATTEMPTS));
    return items;
  }

  /** At most 1,000 lines of the log of a task behind the number `after`, the oldest first; those of
   * `logging` only if the policy lets you see them. */
  async logs(id: string, after = 0): Promise<LogPart> {
    return this.#ask("GET", of(id, LOGS), `?${new URLSearchParams({ after: String(after) })}`);
  }

  /** Which buttons to show. */
  async permissions(id: string): Promise<Permissions> {
    return this.#ask("GET", of(id, PERMISSIONS));
  }

  /** A page of the schedules, for who may control them; `limit` is at most 200. */
  async schedules(
    part: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<SchedulePage> {
    const query = new URLSearchParams();
    if (part.limit !== undefined) query.append("limit", String(part.limit));
    if (part.cursor) query.append("cursor", part.cursor);
    return this.#ask("GET", SCHEDULES, `?${query}`);
  }

  /** Submit a task of a schedule now; gives how the schedule is then. */
  async runSchedule(name: string): Promise<ScheduleInfo> {
    return this.#ask("POST", named(RUN_SCHEDULE, name));
  }

  /** Let no tick of a schedule submit a task from now on; gives how the schedule is then. */
  async pauseSchedule(name: string): Promise<ScheduleInfo> {
    return this.#ask("POST", named(PAUSE_SCHEDULE, name));
  }

  /** Go on with a schedule at its next tick; gives how the schedule is then. */
  async resumeSchedule(name: string): Promise<ScheduleInfo> {
    return this.#ask("POST", named(RESUME_SCHEDULE, name));
  }

  /** All types of tasks, for who may control them. */
  async types(): Promise<readonly TypeInfo<TypeName<Types>>[]> {
    const { items } = await this.#ask<{ items: TypeInfo<TypeName<Types>>[] }>("GET", TYPES);
    return items;
  }

  /** Start nothing of a type from now on, in any process; gives how the type is then. */
  async pause(type: TypeName<Types>, reason?: string): Promise<TypeInfo<TypeName<Types>>> {
    const query = reason === undefined ? "" : `?${new URLSearchParams({ reason })}`;
    return this.#ask("POST", named(PAUSE_TYPE, type), query);
  }

  /** Start tasks of a type again; gives how the type is then. */
  async resume(type: TypeName<Types>): Promise<TypeInfo<TypeName<Types>>> {
    return this.#ask("POST", named(RESUME_TYPE, type));
  }

  /** Ask for what has no method here, such as `request("GET", "/api/stats")`; `route` is below the
   * mount point. */
  request<Answer>(
    method: string,
    route: string,
    query: Iterable<readonly [string, string]> = [],
    body?: object,
  ): Promise<Answer> {
    const written = new URLSearchParams([...query].map(([name, value]) => [name, value])).toString();
    return this.#ask(method, route, written && `?${written}`, body);
  }

  #change(action: keyof typeof COMMANDS, id: string, body?: object): Promise<TaskOf<Types>> {
    const { method, route } = COMMANDS[action];
    return this.#ask(method, of(id, route), "", body);
  }

  async #ask<T>(method: string, route: string, query = "", body?: object): Promise<T> {
    const headers = {
      Accept: "application/json",
      ...(body && { "Content-Type": "application/json" }),
      ...(await this.#authorization()),
    };
    let answer: Response;
    try {
      // Cookies go to another origin too, as they do with the websocket.
      answer = await fetch(new URL(`.${route}${query}`, this.mount()), {
        method,
        headers,
        credentials: "include",
        ...(body && { body: JSON.stringify(body) }),
      });
      if (answer.ok) return (await answer.json()) as T;
    } catch (error) {
      throw new DisconnectedError(`the server cannot be reached: ${messageOf(error)}`);
    }
    throw new TaskError(await reason(answer), answer.status);
  }

  async #authorization(): Promise<{ Authorization?: string }> {
    if (this.token === undefined) return {};
    try {
      const token = await within(this.timeout, this.token(), "it took too long");
      return { Authorization: `Bearer ${token}` };
    } catch (error) {
      throw new RefusedError(`the token callback failed: ${messageOf(error)}`);
    }
  }
}

/** The parameters of the query, or the parts of the body, that say this. */
function written(filter: TaskSearch): [string, string][] {
  const said: [string, string][] = [];
  for (const type of filter.types ?? []) said.push(["type", type]);
  for (const status of filter.statuses ?? []) said.push(["status", status]);
  if (filter.owner !== undefined) said.push(["owner", filter.owner ?? ""]);
  if (filter.q !== undefined) said.push(["q", filter.q]);
  if (filter.view !== undefined) said.push(["view", filter.view]);
  if (filter.error !== undefined) said.push(["error", filter.error]);
  for (const [path, value] of Object.entries(filter.arguments ?? {})) {
    said.push([`args.${path}`, String(value)]);
  }
  for (const name of ["created", "started", "ended"] as const) {
    const { after, before } = filter[name] ?? {};
    const range = `${after?.toISOString() ?? ""}..${before?.toISOString() ?? ""}`;
    if (range !== "..") said.push([name, range]);
  }
  return said;
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function asBody(filter: TaskSearch): Record<string, string[]> {
  const said: Record<string, string[]> = {};
  for (const [name, value] of written(filter)) (said[name] ??= []).push(value);
  return said;
}

function named(route: string, name: string): string {
  return route.replace(/\{\w+\}/, encodeURIComponent(name));
}

function of(id: string, route: string): string {
  return route.replace("{id}", taskId(id));
}

async function reason(answer: Response): Promise<string> {
  const problem: unknown = await answer.json().catch(() => null);
  const { detail, title } = (problem ?? {}) as { detail?: string; title?: string };
  return detail || title || `the server answered ${answer.status}`;
}
