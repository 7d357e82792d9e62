/** Something that somebody should look at. */
export interface Attention {
    readonly kind: "failing" | "waiting" | "silent" | "lost" | "unrun" | "blocked" | "paused";
    /** Says it in a sentence. */
    readonly text: string;
    /** The type of the tasks. */
    readonly type: string | null;
    /** Since when it is so. */
    readonly since: string | null;
    /** Which tasks it is about, as the parameters of a listing. */
    readonly filter: Readonly<Record<string, string>> | null;
}
/** How things are, of everybody's tasks. Times are ISO 8601 texts in UTC. */
export interface Stats {
    readonly asOf: string;
    readonly waiting: number;
    readonly scheduled: number;
    /** Wait for another attempt. */
    readonly retrying: number;
    readonly running: number;
    /** Of those that run, the ones that were asked to end. */
    readonly cancelling: number;
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly oldestWaiting: {
        readonly id: string;
        readonly type: string;
        readonly since: string;
    } | null;
    readonly nextScheduledAt: string | null;
    /** How many attempts all processes that live may run at once. */
    readonly places: number;
    readonly processes: {
        readonly alive: number;
        readonly lost: number;
    };
    /** The worst first. */
    readonly attention: readonly Attention[];
}
export type StatsListener = (stats: Stats) => void;
/** Who wants to know how things are, and how they were last. */
export declare class StatsWatches {
    #private;
    get isWanted(): boolean;
    add(listener: StatsListener, began: () => void): () => void;
    take(stats: Stats): void;
    /** From now on they are sent, if they may be seen. */
    begin(): void;
    interrupt(): void;
    clear(): void;
}
