import type { TaskFilter } from "./api.js";
import type { Stop, TaskClient } from "./client.js";
import { type TaskHistory } from "./history.js";
import type { Connection } from "./link.js";
import type { LogLine } from "./logs.js";
import type { TaskOf, TypeName } from "./task.js";
/** A value that changes, as frameworks subscribe to it. `get` returns the same object until the
 * value changes; `subscribe` returns how to unsubscribe. */
export interface Readable<Value> {
    get(): Value;
    subscribe(listener: () => void): Stop;
}
/** One task: its newest snapshot; `null`: there is none with this id, or it is not yours to see;
 * `undefined`: not known yet, or nobody subscribes. However many subscribe to one id, it is
 * watched once. */
export declare function taskStore<Types extends object = Record<string, unknown>, Name extends TypeName<Types> = TypeName<Types>>(client: TaskClient<Types>, id: string): Readable<TaskOf<Types, Name> | null | undefined>;
/** All tasks that `filter` lets through, newest first; `undefined`: not known yet, or nobody
 * subscribes. */
export declare function taskListStore<Types extends object = Record<string, unknown>, Name extends TypeName<Types> = TypeName<Types>>(client: TaskClient<Types>, filter?: TaskFilter<Name>): Readable<readonly TaskOf<Types, Name>[] | undefined>;
/** What `taskLogStore` has before there are lines, and while nobody subscribes. */
export declare const NO_LINES: readonly LogLine[];
/** The log of a task, the oldest line first. */
export declare function taskLogStore(client: TaskClient<any>, id: string): Readable<readonly LogLine[]>;
/** The tasks that `filter` lets through, a page at a time, as far back as `more` was called, newest
 * first and live. Where the client's options name types, name them here too. */
export declare function taskHistoryStore<Types extends object = Record<string, unknown>, Name extends TypeName<Types> = TypeName<Types>>(client: TaskClient<Types>, filter?: TaskFilter<Name>): Readable<TaskHistory<TaskOf<Types, Name>>>;
export { NOT_LOADED, type TaskHistory } from "./history.js";
/** What `connectionStore` has while nobody subscribes. */
export declare const NOT_CONNECTED: Connection;
/** How it stands with the connection. */
export declare function connectionStore(client: TaskClient<any>): Readable<Connection>;
