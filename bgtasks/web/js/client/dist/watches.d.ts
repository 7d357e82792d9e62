import { Beginning } from "./beginning.js";
import { LogWatches } from "./logs.js";
import { StatsWatches } from "./stats.js";
import { TaskStore } from "./store.js";
import { type Task, type TaskStatus } from "./task.js";
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
export declare class TaskWatch implements Watch {
    #private;
    readonly id: string;
    private readonly listener;
    constructor(id: string, listener: (task: Task | null) => void);
    follows(task: Task): boolean;
    touched(): void;
    /** The server says that there is no such task. */
    missing(): void;
    flush(store: TaskStore): void;
}
/** Follows all tasks that a filter lets through. */
export declare class ListWatch implements Watch {
    #private;
    private readonly listener;
    readonly types: ReadonlySet<string> | null;
    constructor(filter: Filter, listener: (tasks: readonly Task[]) => void);
    follows(task: Task): boolean;
    touched(): void;
    /** The store has what the server has: an empty list would be the truth. */
    ready(): void;
    flush(store: TaskStore): void;
}
/** Is told of every snapshot as it comes, also of those that nobody watches. */
export declare class Feed extends Beginning {
    readonly types: ReadonlySet<string> | null;
    private readonly listener;
    constructor(types: ReadonlySet<string> | null, listener: (task: Task) => void, began: () => void);
    take(task: Task): void;
}
/** All watches of one client, and the snapshots that they show. */
export declare class Watches {
    #private;
    readonly logs: LogWatches;
    readonly stats: StatsWatches;
    readonly store: TaskStore;
    addTask(watch: TaskWatch): void;
    removeTask(watch: TaskWatch): void;
    addList(watch: ListWatch): void;
    removeList(watch: ListWatch): void;
    addFeed(feed: Feed): void;
    removeFeed(feed: Feed): void;
    /** Whether somebody watches just this task. */
    pins(id: string): boolean;
    /** A snapshot has come without its payload; whether somebody who wants it did not know yet. */
    isLarge(task: Task): boolean;
    /** Have these, which are watched, sent whole, however large their payloads are. */
    wantWhole(ids: Iterable<string>): void;
    /** A snapshot has come: tell those who are told of all. */
    take(task: Task): void;
    /** Whether anybody watches this task. */
    follow(task: Task): boolean;
    wanted(): Wanted;
    /** `task` has changed or is gone. */
    touched(task: Task): void;
    missing(id: string): void;
    /** The server follows `followed`: of that nothing is missed from now on. */
    following(followed: Wanted): void;
    /** The server may follow nothing. */
    interrupted(): void;
    /** What `followed` contains is now in the store. */
    synced(followed: Wanted): void;
    /** Tell the listeners once for all changes that come together. */
    flushSoon(): void;
    clear(): void;
}
