import { Beginning } from "./beginning.js";
import { callSafely } from "./waiting.js";
/** Who wants to know how things are, and how they were last. */
export class StatsWatches {
    #watches = new Set();
    #last = null;
    get isWanted() {
        return this.#watches.size > 0;
    }
    add(listener, began) {
        const watch = new StatsWatch(listener, began);
        this.#watches.add(watch);
        const known = this.#last;
        if (known !== null)
            queueMicrotask(() => this.#watches.has(watch) && watch.tell(known));
        return () => {
            this.#watches.delete(watch);
            if (!this.isWanted)
                this.#last = null; // it would grow old
        };
    }
    take(stats) {
        if (!this.isWanted)
            return;
        this.#last = stats;
        for (const watch of [...this.#watches])
            watch.tell(stats);
    }
    /** From now on they are sent, if they may be seen. */
    begin() {
        for (const watch of [...this.#watches])
            watch.begin();
    }
    interrupt() {
        this.#last = null;
        for (const watch of this.#watches)
            watch.interrupt();
    }
    clear() {
        this.#watches.clear();
        this.#last = null;
    }
}
class StatsWatch extends Beginning {
    listener;
    constructor(listener, began) {
        super(began);
        this.listener = listener;
    }
    tell(stats) {
        callSafely(this.listener, stats);
    }
}
