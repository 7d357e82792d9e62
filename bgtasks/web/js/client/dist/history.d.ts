import type { TaskFilter } from "./api.js";
import type { Stop, TaskClient } from "./client.js";
import { type Task } from "./task.js";
/** Tasks as far back as somebody has asked, live. */
export interface TaskHistory<Item = Task> {
    /** Those that are loaded, newest first; `undefined`: not known yet. */
    readonly tasks: readonly Item[] | undefined;
    /** Whether `more` would load older ones; 5,000 are the most. */
    readonly hasMore: boolean;
    readonly isLoading: boolean;
    /** Why the last page could not be loaded; `more` tries again. */
    readonly error: Error | null;
    /** Load the next page. Never rejects. */
    readonly more: () => Promise<void>;
}
/** The history of which nothing is loaded. */
export declare const NOT_LOADED: TaskHistory<never>;
/** Merges pages that are asked for with the updates that come meanwhile: of two snapshots of a task
 * the newer one is shown, whichever came first. */
export declare class History {
    #private;
    private readonly client;
    private readonly wanted;
    private readonly show;
    constructor(client: TaskClient<any>, wanted: TaskFilter, show: (history: TaskHistory<any>) => void);
    /** Load the first page, and what was loaded before again after each lost connection. */
    begin(): Stop;
}
