import { type ReactNode } from "react";
import type { TaskFilter } from "./api.js";
import type { ConnectOptions, TaskClient } from "./client.js";
import type { Connection } from "./link.js";
import type { LogLine } from "./logs.js";
import { type TaskHistory } from "./stores.js";
import { type TaskOf, type TypeName } from "./task.js";
/** Either a client of your own, or how to make one: that is closed when the provider goes. */
export type TasksProviderProps<Types extends object> = {
    readonly children?: ReactNode;
} & ({
    readonly client: TaskClient<Types>;
    readonly options?: never;
} | {
    readonly client?: never;
    readonly options?: ConnectOptions;
});
export interface UseTaskOptions<Task> {
    /** Called once for a task, when this component sees it end; not for one that had ended before. */
    readonly onEnd?: (task: Task) => void;
}
export interface UsedTask<Task> {
    /** The newest snapshot; `null`: there is no such task; `undefined`: not known yet. */
    readonly task: Task | null | undefined;
    /** Ask for its cancellation; rejects with the server's reason. */
    readonly cancel: () => Promise<Task>;
    /** Have it run again; rejects with the server's reason. */
    readonly retry: () => Promise<Task>;
}
export interface Hooks<Types extends object> {
    /** What the other hooks need above them. All below it share one connection, which is made when
     * the first of them is mounted in a page; on a server nothing is opened. */
    readonly TasksProvider: (props: TasksProviderProps<Types>) => ReactNode;
    /** One task, live. Without an id there is none yet. */
    readonly useTask: <Name extends TypeName<Types>>(type: Name, id: string | null | undefined, options?: UseTaskOptions<TaskOf<Types, Name>>) => UsedTask<TaskOf<Types, Name>>;
    /** All tasks that `filter` lets through, newest first, live; `undefined`: not known yet. */
    readonly useTasks: <Name extends TypeName<Types> = TypeName<Types>>(filter?: TaskFilter<Name>) => readonly TaskOf<Types, Name>[] | undefined;
    /** The log of a task, the oldest line first, live; `[]` as long as there is none. */
    readonly useTaskLog: (id: string | null | undefined) => readonly LogLine[];
    /** The tasks that `filter` lets through, a page at a time and live: `more` loads older ones. */
    readonly useTaskHistory: <Name extends TypeName<Types> = TypeName<Types>>(filter?: TaskFilter<Name>) => TaskHistory<TaskOf<Types, Name>>;
    /** How it stands with the connection. */
    readonly useConnection: () => Connection;
    /** The client of the provider, for `reconnect`, `api` and the rest. */
    readonly useTaskClient: () => TaskClient<Types>;
}
/** The hooks for the tasks of one application: `createHooks<BackgroundTasks>()`. */
export declare function createHooks<Types extends object = Record<string, unknown>>(): Hooks<Types>;
