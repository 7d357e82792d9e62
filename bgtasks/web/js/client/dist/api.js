import { DisconnectedError, RefusedError, TaskError } from "./errors.js";
import { ATTEMPTS, BULK, BULK_JOB, COMMANDS, COUNTS, LOGS, PAUSE_SCHEDULE, PAUSE_TYPE, PERMISSIONS, RESUME_SCHEDULE, RESUME_TYPE, RUN_SCHEDULE, SCHEDULES, TASK, TASKS, TYPES, } from "./protocol.js";
import { isTaskId, taskId } from "./task.js";
import { callSafely, messageOf, within } from "./waiting.js";
/** Milliseconds between two looks at a bulk job. */
const LOOK = 500;
/** How often in a row its progress may not be found. */
const MISSES = 20;
/** The HTTP API of the application: what is asked for once, and needs no websocket. Everything
 * rejects with TaskError, which has the server's reason and status, or with DisconnectedError. */
export class TaskApi {
    mount;
    timeout;
    token;
    /** Use `connect(…).api` instead. */
    constructor(mount, timeout, token) {
        this.mount = mount;
        this.timeout = timeout;
        this.token = token;
    }
    /** A page of all tasks that `filter` lets through, however old. */
    list(filter = {}) {
        const query = new URLSearchParams(written(filter));
        if (filter.limit !== undefined)
            query.append("limit", String(filter.limit));
        if (filter.cursor)
            query.append("cursor", filter.cursor);
        if (filter.include?.length)
            query.append("include", filter.include.join(","));
        if (filter.count)
            query.append("count", "true");
        if (filter.sort)
            query.append("sort", filter.sort);
        return this.#ask("GET", TASKS, `?${query}`);
    }
    /** How many tasks there are in each status that is asked for. */
    counts(filter = {}) {
        return this.#ask("GET", COUNTS, `?${new URLSearchParams(written(filter))}`);
    }
    /** A task with its whole payload; `null`: there is none, or it is not yours to see. */
    async find(id) {
        if (!isTaskId(id))
            return null;
        try {
            return await this.#ask("GET", of(id, TASK));
        }
        catch (error) {
            if (error instanceof TaskError && error.status === 404)
                return null;
            throw error;
        }
    }
    /** As `cancel` of the client, where no websocket gets through. */
    async cancel(id) {
        return this.#change("cancel", id);
    }
    /** As `retry` of the client, where no websocket gets through. */
    async retry(id) {
        return this.#change("retry", id);
    }
    /** Submit a new task with the arguments, owner and priority of a task; gives the new one.
     * `changed` arguments are those that shall be others: only if the policy lets you see them. */
    async runAgain(id, changed) {
        return this.#change("runAgain", id, changed && { arguments: changed });
    }
    /** Drop a final task, with all that is kept of it; gives it as it was last. */
    async remove(id) {
        return this.#change("delete", id);
    }
    /** How many tasks `bulk` would change. */
    async matching(action, filter) {
        return this.#ask("POST", BULK, "?dryRun=true", { action, filter: asBody(filter) });
    }
    /** Do the same to all tasks that `filter` lets through, those not loaded too; gives how it went
     * when it is over. Nothing is done where their number is more than 10 % off `expected`. */
    async bulk(action, filter, expected, { onProgress, signal, ...options } = {}) {
        const { id } = await this.beginBulk(action, filter, expected, options);
        for (let misses = 0;;) {
            if (signal?.aborted)
                return this.endBulk(id);
            const progress = await this.bulkProgress(id).catch((error) => {
                // The server may be several processes, of which one knows the job.
                if (!(error instanceof TaskError && error.status === 404) || ++misses > MISSES)
                    throw error;
                return null;
            });
            if (progress) {
                misses = 0;
                if (onProgress)
                    callSafely(onProgress, progress);
                if (progress.status !== "Running")
                    return progress;
            }
            await pause(LOOK, signal);
        }
    }
    /** Begin what `bulk` does. */
    async beginBulk(action, filter, expected, { asOf } = {}) {
        const until = asOf && { asOf: asOf.toISOString() };
        return this.#ask("POST", BULK, "", { action, filter: asBody(filter), expected, ...until });
    }
    /** How far a job is that you began. It is known until the server process ends. */
    async bulkProgress(id) {
        return this.#ask("GET", of(id, BULK_JOB));
    }
    /** Have a job change nothing more; gives how far it came. */
    async endBulk(id) {
        return this.#ask("DELETE", of(id, BULK_JOB));
    }
    /** The attempts of a task, the oldest first, with tracebacks and processes if the policy lets
     * you see them. */
    async attempts(id) {
        const { items } = await this.#ask("GET", of(id, ATTEMPTS));
        return items;
    }
    /** At most 1,000 lines of the log of a task behind the number `after`, the oldest first; those of
     * `logging` only if the policy lets you see them. */
    async logs(id, after = 0) {
        return this.#ask("GET", of(id, LOGS), `?${new URLSearchParams({ after: String(after) })}`);
    }
    /** Which buttons to show. */
    async permissions(id) {
        return this.#ask("GET", of(id, PERMISSIONS));
    }
    /** A page of the schedules, for who may control them; `limit` is at most 200. */
    async schedules(part = {}) {
        const query = new URLSearchParams();
        if (part.limit !== undefined)
            query.append("limit", String(part.limit));
        if (part.cursor)
            query.append("cursor", part.cursor);
        return this.#ask("GET", SCHEDULES, `?${query}`);
    }
    /** Submit a task of a schedule now; gives how the schedule is then. */
    async runSchedule(name) {
        return this.#ask("POST", named(RUN_SCHEDULE, name));
    }
    /** Let no tick of a schedule submit a task from now on; gives how the schedule is then. */
    async pauseSchedule(name) {
        return this.#ask("POST", named(PAUSE_SCHEDULE, name));
    }
    /** Go on with a schedule at its next tick; gives how the schedule is then. */
    async resumeSchedule(name) {
        return this.#ask("POST", named(RESUME_SCHEDULE, name));
    }
    /** All types of tasks, for who may control them. */
    async types() {
        const { items } = await this.#ask("GET", TYPES);
        return items;
    }
    /** Start nothing of a type from now on, in any process; gives how the type is then. */
    async pause(type, reason) {
        const query = reason === undefined ? "" : `?${new URLSearchParams({ reason })}`;
        return this.#ask("POST", named(PAUSE_TYPE, type), query);
    }
    /** Start tasks of a type again; gives how the type is then. */
    async resume(type) {
        return this.#ask("POST", named(RESUME_TYPE, type));
    }
    /** Ask for what has no method here, such as `request("GET", "/api/stats")`; `route` is below the
     * mount point. */
    request(method, route, query = [], body) {
        const written = new URLSearchParams([...query].map(([name, value]) => [name, value])).toString();
        return this.#ask(method, route, written && `?${written}`, body);
    }
    #change(action, id, body) {
        const { method, route } = COMMANDS[action];
        return this.#ask(method, of(id, route), "", body);
    }
    async #ask(method, route, query = "", body) {
        const headers = {
            Accept: "application/json",
            ...(body && { "Content-Type": "application/json" }),
            ...(await this.#authorization()),
        };
        let answer;
        try {
            // Cookies go to another origin too, as they do with the websocket.
            answer = await fetch(new URL(`.${route}${query}`, this.mount()), {
                method,
                headers,
                credentials: "include",
                ...(body && { body: JSON.stringify(body) }),
            });
            if (answer.ok)
                return (await answer.json());
        }
        catch (error) {
            throw new DisconnectedError(`the server cannot be reached: ${messageOf(error)}`);
        }
        throw new TaskError(await reason(answer), answer.status);
    }
    async #authorization() {
        if (this.token === undefined)
            return {};
        try {
            const token = await within(this.timeout, this.token(), "it took too long");
            return { Authorization: `Bearer ${token}` };
        }
        catch (error) {
            throw new RefusedError(`the token callback failed: ${messageOf(error)}`);
        }
    }
}
/** The parameters of the query, or the parts of the body, that say this. */
function written(filter) {
    const said = [];
    for (const type of filter.types ?? [])
        said.push(["type", type]);
    for (const status of filter.statuses ?? [])
        said.push(["status", status]);
    if (filter.owner !== undefined)
        said.push(["owner", filter.owner ?? ""]);
    if (filter.q !== undefined)
        said.push(["q", filter.q]);
    if (filter.view !== undefined)
        said.push(["view", filter.view]);
    if (filter.error !== undefined)
        said.push(["error", filter.error]);
    for (const [path, value] of Object.entries(filter.arguments ?? {})) {
        said.push([`args.${path}`, String(value)]);
    }
    for (const name of ["created", "started", "ended"]) {
        const { after, before } = filter[name] ?? {};
        const range = `${after?.toISOString() ?? ""}..${before?.toISOString() ?? ""}`;
        if (range !== "..")
            said.push([name, range]);
    }
    return said;
}
function pause(milliseconds, signal) {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
}
function asBody(filter) {
    const said = {};
    for (const [name, value] of written(filter))
        (said[name] ??= []).push(value);
    return said;
}
function named(route, name) {
    return route.replace(/\{\w+\}/, encodeURIComponent(name));
}
function of(id, route) {
    return route.replace("{id}", taskId(id));
}
async function reason(answer) {
    const problem = await answer.json().catch(() => null);
    const { detail, title } = (problem ?? {});
    return detail || title || `the server answered ${answer.status}`;
}
