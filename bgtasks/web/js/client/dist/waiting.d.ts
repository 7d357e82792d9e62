/** How long to wait before the next try after so many failures (from 1): longer each time, at
 * most 30 seconds, and at random, so that clients which failed together don't come back so. */
export declare function backoff(failures: number, first: number): number;
/** What `promise` gives, or a rejection after `ms`. */
export declare function within<T>(ms: number, promise: T | Promise<T>, late: string): Promise<T>;
/** Calls somebody else's function; its exception must not stop what goes on here. */
export declare function callSafely<T>(listener: (value: T) => void, value: T): void;
/** What was thrown, in words. */
export declare function messageOf(error: unknown): string;
