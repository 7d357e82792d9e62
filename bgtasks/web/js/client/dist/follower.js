import { TaskError } from "./errors.js";
import { MAX_IDS, MAX_TYPES, SUBSCRIBE, UNSUBSCRIBE } from "./protocol.js";
import { mayChange } from "./task.js";
import { backoff } from "./waiting.js";
/** Keeps what the server sends in step with what is watched.
 *
 * After each connect it asks again for everything that is watched and for every task it holds
 * that could have changed, so that no task seems to run for ever because its end was missed. */
export class Follower {
    link;
    watches;
    retryDelay;
    #store;
    #followed = null;
    #asking = false;
    #again = false;
    #failures = 0;
    #mayNotSeeStats = false;
    #timer;
    constructor(link, watches, retryDelay) {
        this.link = link;
        this.watches = watches;
        this.retryDelay = retryDelay;
        this.#store = watches.store;
    }
    /** A new connection: the server follows nothing yet. */
    restart() {
        this.#followsNothing();
        this.#failures = 0;
        this.#mayNotSeeStats = false;
        this.follow();
    }
    /** Something is watched that was not, or the other way round. */
    follow() {
        this.#again = true;
        clearTimeout(this.#timer);
        // Later in this turn, so that ten watches which begin together are one request.
        if (!this.#asking)
            queueMicrotask(() => void this.#run());
    }
    stop() {
        this.#again = false;
        clearTimeout(this.#timer);
    }
    /** A snapshot has come, by whatever way. */
    take(task) {
        this.watches.take(task);
        // By now perhaps nobody watches this task.
        if (!this.watches.follow(task))
            return;
        if (this.watches.isLarge(task))
            this.follow();
        const evicted = this.#store.put(task);
        if (evicted === null)
            return;
        for (const changed of [task, ...evicted])
            this.watches.touched(changed);
    }
    async #run() {
        if (this.#asking)
            return;
        this.#asking = true;
        try {
            while (this.#again && this.link.connection.state === "connected") {
                this.#again = false;
                await this.#catchUp();
                this.#failures = 0;
            }
        }
        catch {
            this.#followsNothing();
            this.#tryLater();
        }
        finally {
            this.#asking = false;
        }
    }
    #tryLater() {
        if (this.link.failure !== null)
            return;
        // Without a connection the next connect asks again.
        const wait = backoff(++this.#failures, this.retryDelay);
        this.#timer = setTimeout(() => this.follow(), wait);
    }
    #followsNothing() {
        this.#followed = null;
        this.watches.interrupted();
    }
    async #catchUp() {
        let wanted = this.watches.wanted();
        const ids = this.#idsToAsk(wanted);
        if (wanted.everything && this.#followed !== null) {
            // To ask for them alone would be to miss the others meanwhile.
            this.watches.wantWhole(ids);
            wanted = this.watches.wanted();
        }
        const upToDate = this.#followed !== null && same(this.#followed, wanted) && !ids.length;
        if (!upToDate)
            await this.#ask(wanted, ids);
        this.#followed = wanted;
        this.#forgetUnwatched();
        this.watches.following(wanted);
        this.watches.synced(wanted);
    }
    async #ask(wanted, ids) {
        const types = [...wanted.types];
        const fits = ids.length <= MAX_IDS && types.length <= MAX_TYPES;
        if (wanted.everything || !fits)
            await this.#followEverything(wanted, ids);
        else if (types.length + ids.length + wanted.logs.size > 0 || wanted.stats) {
            await this.#subscribe({ types, ids }, ids, wanted);
        }
        else if (this.#followed !== null)
            await this.link.request(UNSUBSCRIBE, {});
    }
    /** The ids about which the server has to be asked one by one. */
    #idsToAsk(wanted) {
        if (this.#followed === null) {
            const held = this.#store.all().filter((task) => mayChange(task) && this.watches.follow(task));
            return [...new Set([...wanted.ids, ...held.map((task) => task.id)])];
        }
        // One that is not there is asked for again: it may be there by now, and who has just begun to
        // watch it wants to be told in any case.
        const missing = [...wanted.ids].filter((id) => this.#store.get(id) === undefined);
        if (wanted.everything && this.#followed.everything)
            return missing;
        return same(this.#followed, wanted) && missing.length === 0 ? [] : [...wanted.ids];
    }
    /** The server follows a list of ids or everything, not both. Where nothing is followed yet,
     * first the one, to learn how they are, then the other. */
    async #followEverything(wanted, ids) {
        if (!wanted.everything || this.#followed === null) {
            this.watches.interrupted();
            for (const some of chunks(ids))
                await this.#subscribe({ ids: some }, some);
        }
        // Of everything come only the small payloads, unless the others are asked for.
        const [first = [], ...more] = chunks([...wanted.payloads]);
        await this.#subscribe(first.length ? { payloads: first } : {}, first, wanted);
        for (const payloads of more)
            await this.#subscribe({ payloads }, payloads);
    }
    /** Ask for `argument`, and so how `ids` are; with it, all that is `wanted` is followed. */
    async #subscribe(argument, ids, wanted) {
        const before = new Map(ids.map((id) => [id, this.#store.get(id)]));
        const beside = wanted ?? this.watches.wanted();
        const logs = [...beside.logs];
        const { tasks = [] } = await this.#send(logs.length ? { ...argument, logs } : argument, beside);
        if (wanted !== undefined)
            this.watches.following(wanted);
        for (const task of tasks) {
            before.delete(task.id);
            this.take(task);
        }
        // What is left is gone, unless an update that was sent after the answer was faster.
        for (const [id, known] of before)
            if (this.#store.get(id) === known)
                this.#gone(id, known);
    }
    /** With statistics, if they are wanted and may be seen: the server refuses all of it otherwise. */
    async #send(argument, { stats }) {
        if (!stats || this.#mayNotSeeStats)
            return this.link.request(SUBSCRIBE, argument);
        const isOfSome = "ids" in argument || "types" in argument;
        const more = isOfSome ? { view: "stats" } : { view: "stats", all: true };
        try {
            return await this.link.request(SUBSCRIBE, { ...argument, ...more });
        }
        catch (error) {
            if (!(error instanceof TaskError))
                throw error;
            const answer = await this.link.request(SUBSCRIBE, argument);
            this.#mayNotSeeStats = true;
            return answer;
        }
    }
    #gone(id, known) {
        this.#store.remove(id);
        if (known !== undefined)
            this.watches.touched(known);
        this.watches.missing(id);
    }
    /** A task that is no longer followed would grow old here. */
    #forgetUnwatched() {
        for (const task of this.#store.all()) {
            if (!this.watches.follow(task))
                this.#store.remove(task.id);
        }
    }
}
function chunks(ids) {
    const count = Math.ceil(ids.length / MAX_IDS);
    return Array.from({ length: count }, (_, n) => ids.slice(n * MAX_IDS, (n + 1) * MAX_IDS));
}
function same(a, b) {
    if (a.everything !== b.everything || a.stats !== b.stats || !equal(a.logs, b.logs))
        return false;
    // Whoever is sent everything needs nothing else, but for large payloads.
    if (a.everything)
        return equal(a.payloads, b.payloads);
    return equal(a.types, b.types) && equal(a.ids, b.ids);
}
function equal(a, b) {
    return a.size === b.size && [...a].every((item) => b.has(item));
}
