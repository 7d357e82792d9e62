import { TaskStore } from "./store.js";
import { callSafely } from "./waiting.js";
/** Follows one task. */
export class TaskWatch {
    id;
    listener;
    #missing = false;
    #shown;
    constructor(id, listener) {
        this.id = id;
        this.listener = listener;
    }
    follows(task) {
        return task.id === this.id;
    }
    touched() {
        this.#missing = false;
    }
    /** The server says that there is no such task. */
    missing() {
        this.#missing = true;
    }
    flush(store) {
        const now = store.get(this.id) ?? (this.#missing ? null : undefined);
        if (now === undefined || now === this.#shown)
            return;
        this.#shown = now;
        callSafely(this.listener, now);
    }
}
/** Follows all tasks that a filter lets through. */
export class ListWatch {
    listener;
    types;
    #statuses;
    #owner;
    #ready = false;
    #news = true;
    constructor(filter, listener) {
        this.listener = listener;
        this.types = filter.types ? new Set(filter.types) : null;
        this.#statuses = filter.statuses ? new Set(filter.statuses) : null;
        this.#owner = filter.owner;
    }
    follows(task) {
        return this.types?.has(task.type) ?? true;
    }
    touched() {
        this.#news = true;
    }
    /** The store has what the server has: an empty list would be the truth. */
    ready() {
        this.#ready = true;
    }
    flush(store) {
        if (!this.#ready || !this.#news)
            return;
        this.#news = false;
        callSafely(this.listener, store.all().filter((task) => this.#shows(task)).sort(newestFirst));
    }
    #shows(task) {
        const { status, owner } = task;
        return (this.follows(task) &&
            (this.#statuses?.has(status) ?? true) &&
            (this.#owner === undefined || this.#owner === owner));
    }
}
const KEPT = 1000;
/** All watches of one client, and the snapshots that they show. */
export class Watches {
    store = new TaskStore(KEPT, (id) => this.pins(id));
    #tasks = new Set();
    #lists = new Set();
    #pinned = new Map();
    #large = new Set();
    #flushing = false;
    addTask(watch) {
        this.#tasks.add(watch);
        this.#pinned.set(watch.id, (this.#pinned.get(watch.id) ?? 0) + 1);
    }
    removeTask(watch) {
        if (!this.#tasks.delete(watch))
            return;
        const count = (this.#pinned.get(watch.id) ?? 0) - 1;
        if (count > 0)
            this.#pinned.set(watch.id, count);
        else {
            this.#pinned.delete(watch.id);
            this.#large.delete(watch.id);
        }
    }
    addList(watch) {
        this.#lists.add(watch);
    }
    removeList(watch) {
        this.#lists.delete(watch);
    }
    /** Whether somebody watches just this task. */
    pins(id) {
        return this.#pinned.has(id);
    }
    /** A snapshot has come without its payload; whether somebody who wants it did not know yet. */
    isLarge(task) {
        if (task.payloadOmitted !== true || !this.pins(task.id) || this.#large.has(task.id))
            return false;
        this.#large.add(task.id);
        return true;
    }
    /** Whether anybody follows this task. */
    follow(task) {
        return this.pins(task.id) || [...this.#lists].some((watch) => watch.follows(task));
    }
    wanted() {
        const lists = [...this.#lists];
        return {
            everything: lists.some((watch) => watch.types === null),
            types: new Set(lists.flatMap((watch) => [...(watch.types ?? [])])),
            ids: new Set(this.#pinned.keys()),
            payloads: new Set(this.#large),
        };
    }
    /** `task` has changed or is gone. */
    touched(task) {
        for (const watch of this.#tasks)
            if (watch.follows(task))
                watch.touched();
        for (const watch of this.#lists)
            if (watch.follows(task))
                watch.touched();
        this.flushSoon();
    }
    missing(id) {
        for (const watch of this.#tasks)
            if (watch.id === id)
                watch.missing();
        this.flushSoon();
    }
    /** What `followed` contains is now in the store. */
    synced(followed) {
        for (const watch of this.#lists)
            if (covers(followed, watch))
                watch.ready();
        this.flushSoon();
    }
    /** Tell the listeners once for all changes that come together. */
    flushSoon() {
        if (this.#flushing)
            return;
        this.#flushing = true;
        queueMicrotask(() => {
            this.#flushing = false;
            // A listener may stop another: ask again whether it is still there.
            for (const watch of [...this.#tasks])
                if (this.#tasks.has(watch))
                    watch.flush(this.store);
            for (const watch of [...this.#lists])
                if (this.#lists.has(watch))
                    watch.flush(this.store);
        });
    }
    clear() {
        this.#tasks.clear();
        this.#lists.clear();
        this.#pinned.clear();
        this.#large.clear();
    }
}
/** Whether everything that `watch` shows is followed. */
export function covers(followed, watch) {
    if (followed.everything)
        return true;
    return watch.types !== null && [...watch.types].every((type) => followed.types.has(type));
}
function newestFirst(a, b) {
    if (a.createdAt !== b.createdAt)
        return a.createdAt < b.createdAt ? 1 : -1;
    return a.id < b.id ? 1 : -1;
}
