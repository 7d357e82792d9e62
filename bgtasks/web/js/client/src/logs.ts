import { MAX_LOGS } from "./protocol.js";
import { callSafely } from "./waiting.js";

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

const KEPT = 10_000;

/** The logs that are followed, with their newest lines. */
export class LogWatches {
  readonly #logs = new Map<string, Log>();

  /** The tasks whose logs the server is to send. Of the others, what was sent is forgotten: should
   * they be followed again, the server begins anew. */
  ids(): Set<string> {
    for (const [id, log] of this.#logs) if (log.listeners.size === 0) this.#logs.delete(id);
    return new Set(this.#logs.keys());
  }

  /** Throws RangeError where too many are followed. */
  add(id: string, listener: LogListener): () => void {
    const log = this.#logs.get(id) ?? new Log();
    const followed = [...this.#logs.values()].filter(({ listeners }) => listeners.size > 0);
    if (log.listeners.size === 0 && followed.length >= MAX_LOGS) {
      throw new RangeError(`at most ${MAX_LOGS} logs can be followed at a time`);
    }
    this.#logs.set(id, log);
    const key = {};
    log.listeners.set(key, listener);
    if (log.lines.length > 0) queueMicrotask(() => log.tellOne(key, log.lines));
    return () => void log.listeners.delete(key);
  }

  take({ id, lines }: LogNews): void {
    this.#logs.get(id)?.take(lines);
  }

  clear(): void {
    this.#logs.clear();
  }
}

class Log {
  readonly listeners = new Map<object, LogListener>();
  readonly #told = new WeakMap<object, number>();
  lines: readonly LogLine[] = [];

  take(lines: readonly LogLine[]): void {
    // After a lost connection the server begins anew.
    const last = this.lines.at(-1)?.number ?? 0;
    const added = lines.filter(({ number }) => number > last);
    if (added.length === 0) return;
    this.lines = [...this.lines, ...added].slice(-KEPT);
    for (const key of [...this.listeners.keys()]) this.tellOne(key, added);
  }

  /** Tell a listener those of the lines that it does not know. */
  tellOne(key: object, lines: readonly LogLine[]): void {
    const listener = this.listeners.get(key);
    const known = this.#told.get(key) ?? 0;
    const all = this.lines;
    const added = (known === 0 ? all : lines).filter(({ number }) => number > known);
    if (listener === undefined || added.length === 0) return;
    this.#told.set(key, all.at(-1)!.number);
    callSafely(() => listener(added, all), undefined);
  }
}
