import { Beginning } from "./beginning.js";
import { LogWatches } from "./logs.js";
import { StatsWatches } from "./stats.js";
import { TaskStore } from "./store.js";
import { newestFirst } from "./task.js";
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
/** Is told of every snapshot as it comes, also of those that nobody watches. */
export class Feed extends Beginning {
    types;
    listener;
    constructor(types, listener, began) {
        super(began);
        this.types = types;
        this.listener = listener;
    }
    take(task) {
        if (this.types?.has(task.type) ?? true)
            callSafely(this.listener, task);
    }
}
const KEPT = 1000;
/** All watches of one client, and the snapshots that they show. */
export class Watches {
    logs = new LogWatches();
    stats = new StatsWatches();
    store = new TaskStore(KEPT, (id) => this.pins(id));
    #tasks = new Set();
    #lists = new Set();
    #feeds = new Set();
    #pinned = new Map();
    #whole = new Set();
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
            this.#whole.delete(watch.id);
        }
    }
    addList(watch) {
        this.#lists.add(watch);
    }
    removeList(watch) {
        this.#lists.delete(watch);
    }
    addFeed(feed) {
        this.#feeds.add(feed);
    }
    removeFeed(feed) {
        this.#feeds.delete(feed);
    }
    /** Whether somebody watches just this task. */
    pins(id) {
        return this.#pinned.has(id);
    }
    /** A snapshot has come without its payload; whether somebody who wants it did not know yet. */
    isLarge(task) {
        if (task.payloadOmitted !== true || !this.pins(task.id) || this.#whole.has(task.id))
            return false;
        this.#whole.add(task.id);
        return true;
    }
    /** Have these, which are watched, sent whole, however large their payloads are. */
    wantWhole(ids) {
        for (const id of ids)
            this.#whole.add(id);
    }
    /** A snapshot has come: tell those who are told of all. */
    take(task) {
        for (const feed of [...this.#feeds])
            feed.take(task);
    }
    /** Whether anybody watches this task. */
    follow(task) {
        return this.pins(task.id) || [...this.#lists].some((watch) => watch.follows(task));
    }
    wanted() {
        const wide = [...this.#lists, ...this.#feeds];
        return {
            everything: wide.some(({ types }) => types === null),
            types: new Set(wide.flatMap(({ types }) => [...(types ?? [])])),
            ids: new Set(this.#pinned.keys()),
            payloads: new Set(this.#whole),
            logs: this.logs.ids(),
            stats: this.stats.isWanted,
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
    /** The server follows `followed`: of that nothing is missed from now on. */
    following(followed) {
        for (const feed of [...this.#feeds])
            if (covers(followed, feed.types))
                feed.begin();
        if (followed.stats)
            this.stats.begin();
    }
    /** The server may follow nothing. */
    interrupted() {
        for (const feed of this.#feeds)
            feed.interrupt();
        this.stats.interrupt();
    }
    /** What `followed` contains is now in the store. */
    synced(followed) {
        for (const watch of this.#lists)
            if (covers(followed, watch.types))
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
        this.#feeds.clear();
        this.#pinned.clear();
        this.#whole.clear();
        this.logs.clear();
        this.stats.clear();
    }
}
/** Whether all tasks of `types`, or all there are, are followed. */
function covers(followed, types) {
    if (followed.everything)
        return true;
    return types !== null && [...types].every((type) => followed.types.has(type));
}
