import { DisconnectedError, RefusedError, TaskError } from "./errors.js";
import {
  ATTEMPTS,
  BULK,
  COMMANDS,
  COUNTS,
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
import { isTaskId, taskId, type Task, type TaskOf, type TaskStatus, type TypeName } from "./task.js";
import type { ScheduleInfo, SchedulePage } from "./schedules.js";
import type { TypeInfo } from "./types.js";
import { messageOf, within } from "./waiting.js";

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
}

/** A part of the list of all tasks, newest first. */
export interface TaskPage<Item = Task> {
  readonly items: readonly Item[];
  /** Where the next page begins; `null` after the last. */
  readonly nextCursor: string | null;
  /** How many there are on all pages, where that was asked for. */
  readonly total?: number;
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

/** An attempt that ended, but not well. Times are ISO 8601 texts in UTC. */
export interface FailedAttempt {
  readonly attempt: number;
  readonly kind: string;
  readonly errorMessage: string;
  readonly traceback: string | null;
  readonly endedAt: string;
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
}

/** What became of the tasks that matched. */
export interface BulkResult {
  readonly matched: number;
  readonly done: number;
  /** By the policy, which is asked for each of them. */
  readonly notAllowed: number;
  /** Had moved on meanwhile, or another task holds their key. */
  readonly gone: number;
  /** One request looks at 10,000 tasks: there are others. */
  readonly more: boolean;
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

  /** Do the same to all tasks that `filter` lets through, those not loaded too: at most 10,000 a
   * call. Nothing is done where their number is more than 10 % off `expected`. */
  async bulk(
    action: BulkAction,
    filter: TaskSearch<TypeName<Types>>,
    expected: number,
  ): Promise<BulkResult> {
    return this.#ask("POST", BULK, "", { action, filter: asBody(filter), expected });
  }

  /** The attempts of a task that did not end well, with tracebacks if the policy lets you see
   * them. */
  async attempts(id: string): Promise<readonly FailedAttempt[]> {
    const { items } = await this.#ask<{ items: FailedAttempt[] }>("GET", of(id, ATTEMPTS));
    return items;
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
