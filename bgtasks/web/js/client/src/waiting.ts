const LONGEST = 30_000;

/** How long to wait before the next try after so many failures (from 1): longer each time, at
 * most 30 seconds, and at random, so that clients which failed together don't come back so. */
export function backoff(failures: number, first: number): number {
  const longest = Math.min(LONGEST, first * 2 ** Math.min(failures - 1, 30));
  return longest * (0.5 + Math.random() / 2);
}

/** What `promise` gives, or a rejection after `ms`. */
export async function within<T>(ms: number, promise: T | Promise<T>, late: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls somebody else's function; its exception must not stop what goes on here. */
export function callSafely<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    console.error("bgtasks-client: a listener threw", error);
  }
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
