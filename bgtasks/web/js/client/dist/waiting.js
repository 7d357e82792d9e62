const LONGEST = 30_000;
/** How long to wait before the next try after so many failures (from 1): longer each time, at
 * most 30 seconds, and at random, so that clients which failed together don't come back so. */
export function backoff(failures, first) {
    const longest = Math.min(LONGEST, first * 2 ** Math.min(failures - 1, 30));
    return longest * (0.5 + Math.random() / 2);
}
/** What `promise` gives, or a rejection after `ms`. */
export async function within(ms, promise, late) {
    let timer;
    const timeout = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(late)), ms);
    });
    try {
        return await Promise.race([promise, timeout]);
    }
    finally {
        clearTimeout(timer);
    }
}
/** Calls somebody else's function; its exception must not stop what goes on here. */
export function callSafely(listener, value) {
    try {
        listener(value);
    }
    catch (error) {
        console.error("bgtasks-client: a listener threw", error);
    }
}
/** What was thrown, in words. */
export function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}
