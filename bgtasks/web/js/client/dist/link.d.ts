import { BackgroundTasksError } from "./errors.js";
import type { LogNews } from "./logs.js";
import type { Io } from "./socket.js";
import type { Stats } from "./stats.js";
import type { Task } from "./task.js";
import type { ScheduleInfo } from "./schedules.js";
import type { TypeInfo } from "./types.js";
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
export declare class Link {
    #private;
    constructor(io: Io, options: LinkOptions, events: LinkEvents);
    /** Connect, unless that was done before. Throws TypeError for an address that is none. */
    open(): void;
    /** Connect anew and now, with a fresh login: after a refusal, or in place of a wait. */
    reconnect(): void;
    get connection(): Connection;
    /** Why the connection is over for good; `null` while it may come back. */
    get failure(): BackgroundTasksError | null;
    /** The server's answer. Without a connection it is waited for, as long as for an answer. */
    request(event: string, argument: object): Promise<Answer>;
    close(): void;
}
