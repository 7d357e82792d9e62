/** One line of the log of a task. `at` is an ISO 8601 text in UTC. */
export interface LogLine {
    /** Counts all lines of the task, from 1; lines that are not for this user are missing. */
    readonly number: number;
    readonly at: string;
    readonly level: "debug" | "info" | "warning" | "error" | "critical";
    readonly message: string;
    /** `task`: what the worker says to whoever watches. `logging`: what `logger` has logged, which
     * only operators get. */
    readonly source: "task" | "logging";
    readonly logger?: string;
}
/** A part of the log of a task, the oldest line first. */
export interface LogPart {
    readonly items: readonly LogLine[];
    /** The number of the oldest line that is kept. */
    readonly first: number;
    /** Where the next part begins: ask on with `after` = `last`. */
    readonly last: number;
}
/** What `TaskLog` brings. */
export interface LogNews {
    readonly id: string;
    readonly lines: readonly LogLine[];
}
/** Is told of new lines, and of all lines so far. */
export type LogListener = (lines: readonly LogLine[], all: readonly LogLine[]) => void;
/** The logs that are followed, with their newest lines. */
export declare class LogWatches {
    #private;
    /** The tasks whose logs the server is to send. Of the others, what was sent is forgotten: should
     * they be followed again, the server begins anew. */
    ids(): Set<string>;
    /** Throws RangeError where too many are followed. */
    add(id: string, listener: LogListener): () => void;
    take({ id, lines }: LogNews): void;
    clear(): void;
}
