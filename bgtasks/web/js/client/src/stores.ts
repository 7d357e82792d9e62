import type { TaskFilter } from "./api.js";
import type { Stop, TaskClient } from "./client.js";
import { History, NOT_LOADED, type TaskHistory } from "./history.js";
import type { Connection } from "./link.js";
import type { LogLine } from "./logs.js";
import type { TaskOf, TypeName } from "./task.js";

/** A value that changes, as frameworks subscribe to it. `get` returns the same object until the
 * value changes; `subscribe` returns how to unsubscribe. */
export interface Readable<Value> {
  get(): Value;
  subscribe(listener: () => void): Stop;
}

/** One task: its newest snapshot; `null`: there is none with this id, or it is not yours to see;
 * `undefined`: not known yet, or nobody subscribes. However many subscribe to one id, it is
 * watched once. */
export function taskStore<
  Types extends object = Record<string, unknown>,
  Name extends TypeName<Types> = TypeName<Types>,
>(client: TaskClient<Types>, id: string): Readable<TaskOf<Types, Name> | null | undefined> {
  type Value = TaskOf<Types, Name> | null | undefined;
  return shared<Value>(client, `task ${id}`, undefined, (set) => client.watch<Name>(id, set));
}

/** All tasks that `filter` lets through, newest first; `undefined`: not known yet, or nobody
 * subscribes. */
export function taskListStore<
  Types extends object = Record<string, unknown>,
  Name extends TypeName<Types> = TypeName<Types>,
>(
  client: TaskClient<Types>,
  filter: TaskFilter<Name> = {},
): Readable<readonly TaskOf<Types, Name>[] | undefined> {
  type Value = readonly TaskOf<Types, Name>[] | undefined;
  const key = `tasks ${JSON.stringify(filter)}`;
  return shared<Value>(client, key, undefined, (set) => client.watchAll<Name>(filter, set));
}

/** What `taskLogStore` has before there are lines, and while nobody subscribes. */
export const NO_LINES: readonly LogLine[] = [];

/** The log of a task, the oldest line first. */
export function taskLogStore(client: TaskClient<any>, id: string): Readable<readonly LogLine[]> {
  return shared(client, `log ${id}`, NO_LINES, (set) => client.watchLogs(id, (_, all) => set(all)));
}

/** The tasks that `filter` lets through, a page at a time, as far back as `more` was called, newest
 * first and live. Where the client's options name types, name them here too. */
export function taskHistoryStore<
  Types extends object = Record<string, unknown>,
  Name extends TypeName<Types> = TypeName<Types>,
>(
  client: TaskClient<Types>,
  filter: TaskFilter<Name> = {},
): Readable<TaskHistory<TaskOf<Types, Name>>> {
  return shared<TaskHistory<TaskOf<Types, Name>>>(
    client,
    `history ${JSON.stringify(filter)}`,
    NOT_LOADED,
    (set) => new History(client, filter, set).begin(),
  );
}

export { NOT_LOADED, type TaskHistory } from "./history.js";

/** What `connectionStore` has while nobody subscribes. */
export const NOT_CONNECTED: Connection = { state: "connecting", message: null };

/** How it stands with the connection. */
export function connectionStore(client: TaskClient<any>): Readable<Connection> {
  return shared(client, "connection", NOT_CONNECTED, (set) => client.onConnection(set));
}

/** Follows something while anybody subscribes to it. */
class Shared<Value> implements Readable<Value> {
  readonly #listeners = new Map<object, () => void>();
  #value: Value;
  #stop: Stop | undefined;

  constructor(
    private readonly initial: Value,
    private readonly begin: (set: (value: Value) => void) => Stop,
    private readonly used: (isUsed: boolean) => void,
  ) {
    this.#value = initial;
  }

  readonly get = (): Value => this.#value;

  readonly subscribe = (listener: () => void): Stop => {
    const key = {}; // the same function may subscribe twice
    this.#listeners.set(key, listener);
    if (this.#stop === undefined) {
      this.used(true);
      this.#stop = this.begin((value) => this.#set(value));
    }
    return () => {
      // Whoever leaves may be followed by another in the same turn: then nothing is asked for anew.
      if (this.#listeners.delete(key)) queueMicrotask(() => this.#stopUnused());
    };
  };

  #set(value: Value): void {
    this.#value = value;
    for (const listener of [...this.#listeners.values()]) listener();
  }

  #stopUnused(): void {
    if (this.#listeners.size > 0 || this.#stop === undefined) return;
    this.#stop();
    this.#stop = undefined;
    this.#value = this.initial;
    this.used(false);
  }
}

const inUse = new WeakMap<object, Map<string, Shared<any>>>();

/** The store of this client with this key that somebody subscribes to, or else a new one. */
function shared<Value>(
  client: object,
  key: string,
  initial: Value,
  begin: (set: (value: Value) => void) => Stop,
): Readable<Value> {
  const known = inUse.get(client)?.get(key);
  if (known !== undefined) return known;
  const made: Shared<Value> = new Shared(initial, begin, (isUsed) => {
    const stores = inUse.get(client) ?? new Map<string, Shared<any>>();
    inUse.set(client, stores);
    if (isUsed) stores.set(key, made);
    else if (stores.get(key) === made) stores.delete(key);
  });
  return made;
}
