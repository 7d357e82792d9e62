import { TaskApi, type TaskFilter } from "./api.js";
import { type Connection } from "./link.js";
import type { LogListener } from "./logs.js";
import { type Io } from "./socket.js";
import { type TaskOf, type TypeName } from "./task.js";
import type { ScheduleInfo } from "./schedules.js";
import type { StatsListener } from "./stats.js";
import type { TypeInfo } from "./types.js";
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
export declare class TaskClient<Types extends object = Record<string, unknown>> {
    #private;
    /** The tasks of the same server over HTTP: pages of the whole list, attempts, permissions. */
    readonly api: TaskApi<Types>;
    /** Use `connect` instead. */
    constructor(io: Io, options: ConnectOptions);
    /** Follow one task: its newest snapshot now, and again with every change. `null` says that
     * there is no such task, or no longer, that it is not yours to see, or that `id` is no id. */
    watch<Name extends TypeName<Types> = TypeName<Types>>(id: string, listener: (task: TaskOf<Types, Name> | null) => void): Stop;
    /** The same for `for await`: ends after a final snapshot. Throws TaskNotFoundError, and
     * RefusedError or ClosedError when the connection is over for good. */
    watch<Name extends TypeName<Types> = TypeName<Types>>(id: string): AsyncGenerator<TaskOf<Types, Name>, void, undefined>;
    /** Follow all tasks that `filter` lets through: the whole list, newest first, as soon as it is
     * known and again with every change. Of what ended long ago the server sends nothing. */
    watchAll<Name extends TypeName<Types> = TypeName<Types>>(filter: TaskFilter<Name>, listener: (tasks: readonly TaskOf<Types, Name>[]) => void): Stop;
    /** Follow the log of a task: `listener` gets the lines that are kept, then new ones as they come,
     * each once and in order; and as its second argument all so far, 10,000 at most. Of a task that is
     * not yours to see come none. Throws RangeError where 20 logs are followed already. */
    watchLogs(id: string, listener: LogListener): Stop;
    /** Be told how things are, at first and then at most once a second, where something has changed: the
     * answer of `GET api/stats`. `began` is called when that begins, at first and after each lost
     * connection. Where the policy does not let this user see statistics, none come. */
    watchStats(listener: StatsListener, began?: () => void): Stop;
    /** Be told of every snapshot as it comes, for a page that keeps more tasks than `watchAll` does:
     * of two snapshots of a task, `isNewer` says which to keep. `began` is called when the updates
     * begin, at first and after each lost connection: read then, with `api.list`, what was before;
     * nothing that comes afterwards is missed. */
    onUpdate(listener: (task: TaskOf<Types>) => void, began?: () => void): Stop;
    /** Ask for the cancellation of a task; gives its newest snapshot. Throws TaskError with the
     * server's reason, TimeoutError, DisconnectedError, RefusedError or ClosedError. */
    cancel(id: string): Promise<TaskOf<Types>>;
    /** Have a failed or cancelled task run again; gives and throws as `cancel` does. */
    retry(id: string): Promise<TaskOf<Types>>;
    /** Connect anew and now, with a fresh token: after a refusal, once the user has logged in, or in
     * place of the wait for the next try. Throws ClosedError. */
    reconnect(): void;
    /** How it stands with the connection, now and whenever that changes. */
    onConnection(listener: (connection: Connection) => void): Stop;
    /** Be told of each change of a schedule, if the policy lets this user control them. How they are
     * at first, and after a lost connection, says `api.schedules()`. */
    onScheduleUpdated(listener: (schedule: ScheduleInfo) => void): Stop;
    /** Be told of each type of tasks that is paused or resumed, if the policy lets this user control
     * them. How they are at first, and after a lost connection, says `api.types()`. */
    onTypeUpdated(listener: (type: TypeInfo<TypeName<Types>>) => void): Stop;
    /** Disconnect; from now on no listener is called. */
    close(): void;
}
/** Without a compiler an address is easily given in their place, and would be overlooked. */
export declare function checkOptions(options: ConnectOptions): void;
