import { type Task } from "./task.js";
/** The newest snapshot of each task. Of the ended ones only so many are kept. */
export declare class TaskStore {
    #private;
    private readonly size;
    private readonly pinned;
    /** Ended tasks beyond `size` are forgotten, those first that ended first, but not a `pinned`. */
    constructor(size: number, pinned: (id: string) => boolean);
    get(id: string): Task | undefined;
    all(): Task[];
    /** Keep `task` if it is newer than what is known; returns the tasks that had to go for it,
     * or `null` for a stale snapshot, which changes nothing. */
    put(task: Task): Task[] | null;
    remove(id: string): void;
}
