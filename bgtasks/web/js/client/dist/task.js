/** Whether a task no longer changes by itself. */
export function isFinal(task) {
    return task.status !== "Pending" && task.status !== "Running";
}
/** Whether a task can still change at all: one that failed or was cancelled may be retried. */
export function mayChange(task) {
    return task.status !== "Completed";
}
/** Whether `a` is newer than `b`, both of one id. An id may be used again after its task was
 * pruned: then the later creation decides. The texts of times have one length and sort. Of the same
 * revision, the whole snapshot is newer than the one without its payload. */
export function isNewer(a, b) {
    if (a.createdAt !== b.createdAt)
        return a.createdAt > b.createdAt;
    if (a.revision !== b.revision)
        return a.revision > b.revision;
    return b.payloadOmitted === true && a.payloadOmitted !== true;
}
/** The order of lists, for `sort`: what was accepted last comes first. */
export function newestFirst(a, b) {
    if (a.createdAt !== b.createdAt)
        return a.createdAt < b.createdAt ? 1 : -1;
    return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Whether the server could know a task by this id. */
export function isTaskId(id) {
    return ID.test(String(id).toLowerCase());
}
/** `id` as the server writes it. Throws TypeError for what is no id. */
export function taskId(id) {
    const written = String(id).toLowerCase();
    if (!ID.test(written))
        throw new TypeError(`id is ${JSON.stringify(id)}; accepted: a UUID`);
    return written;
}
