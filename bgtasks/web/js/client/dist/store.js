import { isFinal, isNewer } from "./task.js";
/** The newest snapshot of each task. Of the ended ones only so many are kept. */
export class TaskStore {
    size;
    pinned;
    #tasks = new Map();
    #ended = new Set();
    /** Ended tasks beyond `size` are forgotten, those first that ended first, but not a `pinned`. */
    constructor(size, pinned) {
        this.size = size;
        this.pinned = pinned;
    }
    get(id) {
        return this.#tasks.get(id);
    }
    all() {
        return [...this.#tasks.values()];
    }
    /** Keep `task` if it is newer than what is known; returns the tasks that had to go for it,
     * or `null` for a stale snapshot, which changes nothing. */
    put(task) {
        const known = this.#tasks.get(task.id);
        if (known !== undefined && !isNewer(task, known))
            return null;
        this.#tasks.set(task.id, task);
        this.#ended.delete(task.id); // so that it goes to the end
        if (isFinal(task))
            this.#ended.add(task.id);
        return this.#evict();
    }
    remove(id) {
        this.#tasks.delete(id);
        this.#ended.delete(id);
    }
    #evict() {
        const evicted = [];
        for (const id of this.#ended) {
            if (this.#ended.size <= this.size)
                break;
            const task = this.#tasks.get(id);
            if (task === undefined || this.pinned(id))
                continue;
            evicted.push(task);
            this.remove(id);
        }
        return evicted;
    }
}
