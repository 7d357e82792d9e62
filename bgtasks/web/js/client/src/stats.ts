import { Beginning } from "./beginning.js";
import { callSafely } from "./waiting.js";

/** Something that somebody should look at. */
export interface Attention {
  readonly kind: "failing" | "waiting" | "silent" | "lost" | "unrun" | "blocked" | "paused";
  /** Says it in a sentence. */
  readonly text: string;
  /** The type of the tasks. */
  readonly type: string | null;
  /** Since when it is so. */
  readonly since: string | null;
  /** Which tasks it is about, as the parameters of a listing. */
  readonly filter: Readonly<Record<string, string>> | null;
}

/** How things are, of everybody's tasks. Times are ISO 8601 texts in UTC. */
export interface Stats {
  readonly asOf: string;
  readonly waiting: number;
  readonly scheduled: number;
  /** Wait for another attempt. */
  readonly retrying: number;
  readonly running: number;
  /** Of those that run, the ones that were asked to end. */
  readonly cancelling: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly oldestWaiting: { readonly id: string; readonly type: string; readonly since: string } | null;
  readonly nextScheduledAt: string | null;
  /** How many attempts all processes that live may run at once. */
  readonly places: number;
  readonly processes: { readonly alive: number; readonly lost: number };
  /** The worst first. */
  readonly attention: readonly Attention[];
}

export type StatsListener = (stats: Stats) => void;

/** Who wants to know how things are, and how they were last. */
export class StatsWatches {
  readonly #watches = new Set<StatsWatch>();
  #last: Stats | null = null;

  get isWanted(): boolean {
    return this.#watches.size > 0;
  }

  add(listener: StatsListener, began: () => void): () => void {
    const watch = new StatsWatch(listener, began);
    this.#watches.add(watch);
    const known = this.#last;
    if (known !== null) queueMicrotask(() => this.#watches.has(watch) && watch.tell(known));
    return () => {
      this.#watches.delete(watch);
      if (!this.isWanted) this.#last = null; // it would grow old
    };
  }

  take(stats: Stats): void {
    if (!this.isWanted) return;
    this.#last = stats;
    for (const watch of [...this.#watches]) watch.tell(stats);
  }

  /** From now on they are sent, if they may be seen. */
  begin(): void {
    for (const watch of [...this.#watches]) watch.begin();
  }

  interrupt(): void {
    this.#last = null;
    for (const watch of this.#watches) watch.interrupt();
  }

  clear(): void {
    this.#watches.clear();
    this.#last = null;
  }
}

class StatsWatch extends Beginning {
  constructor(
    private readonly listener: StatsListener,
    began: () => void,
  ) {
    super(began);
  }

  tell(stats: Stats): void {
    callSafely(this.listener, stats);
  }
}
