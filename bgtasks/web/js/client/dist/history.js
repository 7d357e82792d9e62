import { isNewer, newestFirst } from "./task.js";
/** The history of which nothing is loaded. */
export const NOT_LOADED = {
    tasks: undefined,
    hasMore: false,
    isLoading: true,
    error: null,
    more: () => Promise.resolve(),
};
const PAGE = 50;
const MAX_SHOWN = 5000;
/** Merges pages that are asked for with the updates that come meanwhile: of two snapshots of a task
 * the newer one is shown, whichever came first. */
export class History {
    client;
    wanted;
    show;
    #known = new Map();
    /** Told of since the updates began: newer than what a page may leave out. */
    #updated = new Set();
    #loaded = new Set();
    /** The last task of the last page. */
    #oldest;
    #cursor = null;
    #isKnown = false;
    #error = null;
    #loading;
    /** Counts how often the updates began: a page of a time before is out of date. */
    #turn = 0;
    constructor(client, wanted, show) {
        this.client = client;
        this.wanted = wanted;
        this.show = show;
    }
    /** Load the first page, and what was loaded before again after each lost connection. */
    begin() {
        const stop = this.client.onUpdate((task) => this.#take(task), () => void this.#load(() => this.#reload()));
        return () => {
            this.#turn += 1;
            stop();
        };
    }
    #more = () => {
        if (this.#loading !== undefined)
            return this.#loading;
        if (!this.#isKnown)
            return this.#load(() => this.#reload());
        return this.#hasMore ? this.#load(() => this.#next()) : Promise.resolve();
    };
    get #hasMore() {
        return this.#cursor !== null && this.#loaded.size < MAX_SHOWN;
    }
    #load(pages) {
        const turn = ++this.#turn;
        const loading = pages()
            .then(() => null, (error) => error)
            .then((error) => {
            if (turn !== this.#turn)
                return;
            this.#error = error;
            this.#loading = undefined;
            this.#forget();
            this.#publish();
        });
        this.#loading = loading;
        this.#publish();
        return loading;
    }
    /** As many pages as were loaded before, from the newest task on. What is in none of them and was
     * not told of meanwhile is gone. */
    async #reload() {
        this.#updated.clear();
        const turn = this.#turn;
        const before = Math.max(1, this.#loaded.size);
        const loaded = new Set();
        let page;
        let cursor = null;
        do {
            page = await this.#page(cursor);
            if (turn !== this.#turn)
                return;
            for (const task of page.items)
                loaded.add(task.id);
            this.#merge(page);
            cursor = page.nextCursor;
        } while (cursor !== null && loaded.size < before);
        for (const id of this.#known.keys()) {
            if (!loaded.has(id) && !this.#updated.has(id))
                this.#known.delete(id);
        }
        this.#loaded = loaded;
        this.#isKnown = true;
    }
    async #next() {
        const turn = this.#turn;
        const page = await this.#page(this.#cursor);
        if (turn !== this.#turn)
            return;
        for (const task of page.items)
            this.#loaded.add(task.id);
        this.#merge(page);
    }
    #page(cursor) {
        return this.client.api.list({ ...this.wanted, limit: PAGE, cursor });
    }
    #merge(page) {
        for (const task of page.items) {
            const known = this.#known.get(task.id);
            if (known === undefined || isNewer(task, known))
                this.#known.set(task.id, task);
        }
        this.#cursor = page.nextCursor;
        this.#oldest = page.items.at(-1) ?? this.#oldest;
    }
    #take(task) {
        const known = this.#known.get(task.id);
        if (known !== undefined && !isNewer(task, known))
            return;
        // What is no part of the list is remembered only while a page is on its way, which may have an
        // older snapshot of it.
        if (known === undefined && this.#loading === undefined && !this.#isShown(task))
            return;
        this.#updated.add(task.id);
        this.#known.set(task.id, task);
        if (this.#loading === undefined)
            this.#forget();
        if (this.#isKnown)
            this.#publish();
    }
    #isShown(task) {
        if (!fits(task, this.wanted))
            return false;
        if (this.#cursor === null || this.#loaded.has(task.id))
            return true;
        return this.#oldest === undefined || newestFirst(task, this.#oldest) <= 0;
    }
    #forget() {
        this.#updated.clear();
        for (const [id, task] of this.#known) {
            if (!this.#isShown(task)) {
                this.#known.delete(id);
                this.#loaded.delete(id);
            }
        }
        if (this.#known.size > MAX_SHOWN)
            this.#trim();
    }
    #trim() {
        this.#cursor = null;
        for (const task of [...this.#known.values()].sort(newestFirst).slice(MAX_SHOWN)) {
            this.#known.delete(task.id);
            this.#loaded.delete(task.id);
        }
    }
    #publish() {
        const tasks = [...this.#known.values()].filter((task) => this.#isShown(task)).sort(newestFirst);
        this.show({
            tasks: this.#isKnown ? tasks : undefined,
            hasMore: this.#hasMore,
            isLoading: this.#loading !== undefined,
            error: this.#error,
            more: this.#more,
        });
    }
}
/** Whether the server's list would have it. */
function fits({ type, status, owner }, filter) {
    if (filter.types !== undefined && !filter.types.includes(type))
        return false;
    if (filter.statuses !== undefined && !filter.statuses.includes(status))
        return false;
    return filter.owner === undefined || filter.owner === owner;
}
