import type { LogPart } from "./logs.js";
import { type Task, type TaskOf, type TaskStatus, type TypeName } from "./task.js";
import type { ScheduleInfo, SchedulePage } from "./schedules.js";
import type { TypeInfo } from "./types.js";
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
    readonly process: {
        readonly id: string;
        readonly host: string;
        readonly pid: number;
    } | null;
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
    readonly refused: readonly {
        readonly id: string;
        readonly reason: "not allowed" | "moved on";
    }[];
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
export declare class TaskApi<Types extends object = Record<string, unknown>> {
    #private;
    private readonly mount;
    private readonly timeout;
    private readonly token;
    /** Use `connect(…).api` instead. */
    constructor(mount: () => URL, timeout: number, token: (() => string | Promise<string>) | undefined);
    /** A page of all tasks that `filter` lets through, however old. */
    list<Name extends TypeName<Types> = TypeName<Types>>(filter?: TaskSearch<Name> & PageOptions): Promise<TaskPage<TaskOf<Types, Name> & Pick<TaskDetails, "arguments">>>;
    /** How many tasks there are in each status that is asked for. */
    counts(filter?: TaskSearch<TypeName<Types>>): Promise<Readonly<Partial<Record<TaskStatus, number>>>>;
    /** A task with its whole payload; `null`: there is none, or it is not yours to see. */
    find(id: string): Promise<(TaskOf<Types> & TaskDetails) | null>;
    /** As `cancel` of the client, where no websocket gets through. */
    cancel(id: string): Promise<TaskOf<Types>>;
    /** As `retry` of the client, where no websocket gets through. */
    retry(id: string): Promise<TaskOf<Types>>;
    /** Submit a new task with the arguments, owner and priority of a task; gives the new one.
     * `changed` arguments are those that shall be others: only if the policy lets you see them. */
    runAgain(id: string, changed?: Readonly<Record<string, unknown>>): Promise<TaskOf<Types>>;
    /** Drop a final task, with all that is kept of it; gives it as it was last. */
    remove(id: string): Promise<TaskOf<Types>>;
    /** How many tasks `bulk` would change. */
    matching(action: BulkAction, filter: TaskSearch<TypeName<Types>>): Promise<BulkMatch<TypeName<Types>>>;
    /** Do the same to all tasks that `filter` lets through, those not loaded too; gives how it went
     * when it is over. Nothing is done where their number is more than 10 % off `expected`. */
    bulk(action: BulkAction, filter: TaskSearch<TypeName<Types>>, expected: number, { onProgress, signal, ...options }?: BulkOptions): Promise<BulkProgress>;
    /** Begin what `bulk` does. */
    beginBulk(action: BulkAction, filter: TaskSearch<TypeName<Types>>, expected: number, { asOf }?: Pick<BulkOptions, "asOf">): Promise<BulkJob>;
    /** How far a job is that you began. It is known until the server process ends. */
    bulkProgress(id: string): Promise<BulkProgress>;
    /** Have a job change nothing more; gives how far it came. */
    endBulk(id: string): Promise<BulkProgress>;
    /** The attempts of a task, the oldest first, with tracebacks and processes if the policy lets
     * you see them. */
    attempts(id: string): Promise<readonly Attempt[]>;
    /** At most 1,000 lines of the log of a task behind the number `after`, the oldest first; those of
     * `logging` only if the policy lets you see them. */
    logs(id: string, after?: number): Promise<LogPart>;
    /** Which buttons to show. */
    permissions(id: string): Promise<Permissions>;
    /** A page of the schedules, for who may control them; `limit` is at most 200. */
    schedules(part?: {
        readonly limit?: number;
        readonly cursor?: string | null;
    }): Promise<SchedulePage>;
    /** Submit a task of a schedule now; gives how the schedule is then. */
    runSchedule(name: string): Promise<ScheduleInfo>;
    /** Let no tick of a schedule submit a task from now on; gives how the schedule is then. */
    pauseSchedule(name: string): Promise<ScheduleInfo>;
    /** Go on with a schedule at its next tick; gives how the schedule is then. */
    resumeSchedule(name: string): Promise<ScheduleInfo>;
    /** All types of tasks, for who may control them. */
    types(): Promise<readonly TypeInfo<TypeName<Types>>[]>;
    /** Start nothing of a type from now on, in any process; gives how the type is then. */
    pause(type: TypeName<Types>, reason?: string): Promise<TypeInfo<TypeName<Types>>>;
    /** Start tasks of a type again; gives how the type is then. */
    resume(type: TypeName<Types>): Promise<TypeInfo<TypeName<Types>>>;
    /** Ask for what has no method here, such as `request("GET", "/api/stats")`; `route` is below the
     * mount point. */
    request<Answer>(method: string, route: string, query?: Iterable<readonly [string, string]>, body?: object): Promise<Answer>;
}
