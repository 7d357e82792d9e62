import { MAX_LOGS } from "./protocol.js";
import { callSafely } from "./waiting.js";
const KEPT = 10_000;
/** The logs that are followed, with their newest lines. */
export class LogWatches {
    #logs = new Map();
    /** The tasks whose logs the server is to send. Of the others, what was sent is forgotten: should
     * they be followed again, the server begins anew. */
    ids() {
        for (const [id, log] of this.#logs)
            if (log.listeners.size === 0)
                this.#logs.delete(id);
        return new Set(this.#logs.keys());
    }
    /** Throws RangeError where too many are followed. */
    add(id, listener) {
        const log = this.#logs.get(id) ?? new Log();
        const followed = [...this.#logs.values()].filter(({ listeners }) => listeners.size > 0);
        if (log.listeners.size === 0 && followed.length >= MAX_LOGS) {
            throw new RangeError(`at most ${MAX_LOGS} logs can be followed at a time`);
        }
        this.#logs.set(id, log);
        const key = {};
        log.listeners.set(key, listener);
        if (log.lines.length > 0)
            queueMicrotask(() => log.tellOne(key, log.lines));
        return () => void log.listeners.delete(key);
    }
    take({ id, lines }) {
        this.#logs.get(id)?.take(lines);
    }
    clear() {
        this.#logs.clear();
    }
}
class Log {
    listeners = new Map();
    #told = new WeakMap();
    lines = [];
    take(lines) {
        // After a lost connection the server begins anew.
        const last = this.lines.at(-1)?.number ?? 0;
        const added = lines.filter(({ number }) => number > last);
        if (added.length === 0)
            return;
        this.lines = [...this.lines, ...added].slice(-KEPT);
        for (const key of [...this.listeners.keys()])
            this.tellOne(key, added);
    }
    /** Tell a listener those of the lines that it does not know. */
    tellOne(key, lines) {
        const listener = this.listeners.get(key);
        const known = this.#told.get(key) ?? 0;
        const all = this.lines;
        const added = (known === 0 ? all : lines).filter(({ number }) => number > known);
        if (listener === undefined || added.length === 0)
            return;
        this.#told.set(key, all.at(-1).number);
        callSafely(() => listener(added, all), undefined);
    }
}
