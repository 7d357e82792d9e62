import { isFinal, isNewer, type Task } from "./task.js";

/** The newest snapshot of each task. Of the ended ones only so many are kept. */
export class TaskStore {
  readonly #tasks = new Map<string, Task>();
  readonly #ended = new Set<string>();

  /** Ended tasks beyond `size` are forgotten, those first that ended first, but not a `pinned`. */
  constructor(
    private readonly size: number,
    private readonly pinned: (id: string) => boolean,
  ) {}

  get(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  all(): Task[] {
    return [...this.#tasks.values()];
  }

  /** Keep `task` if it is newer than what is known; returns the tasks that had to go for it,
   * or `null` for a stale snapshot, which changes nothing. */
  put(task: Task): Task[] | null {
    const known = this.#tasks.get(task.id);
    if (known !== undefined && !isNewer(task, known)) return null;
    this.#tasks.set(task.id, task);
    this.#ended.delete(task.id); // so that it goes to the end
    if (isFinal(task)) this.#ended.add(task.id);
    return this.#evict();
  }

  remove(id: string): void {
    this.#tasks.delete(id);
    this.#ended.delete(id);
  }

  #evict(): Task[] {
    const evicted: Task[] = [];
    for (const id of this.#ended) {
      if (this.#ended.size <= this.size) break;
      const task = this.#tasks.get(id);
      if (task === undefined || this.pinned(id)) continue;
      evicted.push(task);
      this.remove(id);
    }
    return evicted;
  }
}
