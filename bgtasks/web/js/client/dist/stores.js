import { History, NOT_LOADED } from "./history.js";
/** One task: its newest snapshot; `null`: there is none with this id, or it is not yours to see;
 * `undefined`: not known yet, or nobody subscribes. However many subscribe to one id, it is
 * watched once. */
export function taskStore(client, id) {
    return shared(client, `task ${id}`, undefined, (set) => client.watch(id, set));
}
/** All tasks that `filter` lets through, newest first; `undefined`: not known yet, or nobody
 * subscribes. */
export function taskListStore(client, filter = {}) {
    const key = `tasks ${JSON.stringify(filter)}`;
    return shared(client, key, undefined, (set) => client.watchAll(filter, set));
}
/** What `taskLogStore` has before there are lines, and while nobody subscribes. */
export const NO_LINES = [];
/** The log of a task, the oldest line first. */
export function taskLogStore(client, id) {
    return shared(client, `log ${id}`, NO_LINES, (set) => client.watchLogs(id, (_, all) => set(all)));
}
/** The tasks that `filter` lets through, a page at a time, as far back as `more` was called, newest
 * first and live. Where the client's options name types, name them here too. */
export function taskHistoryStore(client, filter = {}) {
    return shared(client, `history ${JSON.stringify(filter)}`, NOT_LOADED, (set) => new History(client, filter, set).begin());
}
export { NOT_LOADED } from "./history.js";
/** What `connectionStore` has while nobody subscribes. */
export const NOT_CONNECTED = { state: "connecting", message: null };
/** How it stands with the connection. */
export function connectionStore(client) {
    return shared(client, "connection", NOT_CONNECTED, (set) => client.onConnection(set));
}
/** Follows something while anybody subscribes to it. */
class Shared {
    initial;
    begin;
    used;
    #listeners = new Map();
    #value;
    #stop;
    constructor(initial, begin, used) {
        this.initial = initial;
        this.begin = begin;
        this.used = used;
        this.#value = initial;
    }
    get = () => this.#value;
    subscribe = (listener) => {
        const key = {}; // the same function may subscribe twice
        this.#listeners.set(key, listener);
        if (this.#stop === undefined) {
            this.used(true);
            this.#stop = this.begin((value) => this.#set(value));
        }
        return () => {
            // Whoever leaves may be followed by another in the same turn: then nothing is asked for anew.
            if (this.#listeners.delete(key))
                queueMicrotask(() => this.#stopUnused());
        };
    };
    #set(value) {
        this.#value = value;
        for (const listener of [...this.#listeners.values()])
            listener();
    }
    #stopUnused() {
        if (this.#listeners.size > 0 || this.#stop === undefined)
            return;
        this.#stop();
        this.#stop = undefined;
        this.#value = this.initial;
        this.used(false);
    }
}
const inUse = new WeakMap();
/** The store of this client with this key that somebody subscribes to, or else a new one. */
function shared(client, key, initial, begin) {
    const known = inUse.get(client)?.get(key);
    if (known !== undefined)
        return known;
    const made = new Shared(initial, begin, (isUsed) => {
        const stores = inUse.get(client) ?? new Map();
        inUse.set(client, stores);
        if (isUsed)
            stores.set(key, made);
        else if (stores.get(key) === made)
            stores.delete(key);
    });
    return made;
}
