import type { Link } from "./link.js";
import { type Task } from "./task.js";
import type { Watches } from "./watches.js";
/** Keeps what the server sends in step with what is watched.
 *
 * After each connect it asks again for everything that is watched and for every task it holds
 * that could have changed, so that no task seems to run for ever because its end was missed. */
export declare class Follower {
    #private;
    private readonly link;
    private readonly watches;
    private readonly retryDelay;
    constructor(link: Link, watches: Watches, retryDelay: number);
    /** A new connection: the server follows nothing yet. */
    restart(): void;
    /** Something is watched that was not, or the other way round. */
    follow(): void;
    stop(): void;
    /** A snapshot has come, by whatever way. */
    take(task: Task): void;
}
