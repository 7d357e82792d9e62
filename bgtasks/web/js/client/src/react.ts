import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from "react";

import type { TaskFilter } from "./api.js";
import type { ConnectOptions, TaskClient } from "./client.js";
import { TaskNotFoundError } from "./errors.js";
import { connect } from "./index.js";
import type { Connection } from "./link.js";
import type { LogLine } from "./logs.js";
import {
  connectionStore,
  NO_LINES,
  NOT_CONNECTED,
  NOT_LOADED,
  taskHistoryStore,
  taskListStore,
  taskLogStore,
  taskStore,
  type Readable,
  type TaskHistory,
} from "./stores.js";
import { isFinal, type TaskOf, type TypeName } from "./task.js";

/** Either a client of your own, or how to make one: that is closed when the provider goes. */
export type TasksProviderProps<Types extends object> = { readonly children?: ReactNode } & (
  | { readonly client: TaskClient<Types>; readonly options?: never }
  | { readonly client?: never; readonly options?: ConnectOptions }
);

export interface UseTaskOptions<Task> {
  /** Called once for a task, when this component sees it end; not for one that had ended before. */
  readonly onEnd?: (task: Task) => void;
}

export interface UsedTask<Task> {
  /** The newest snapshot; `null`: there is no such task; `undefined`: not known yet. */
  readonly task: Task | null | undefined;
  /** Ask for its cancellation; rejects with the server's reason. */
  readonly cancel: () => Promise<Task>;
  /** Have it run again; rejects with the server's reason. */
  readonly retry: () => Promise<Task>;
}

export interface Hooks<Types extends object> {
  /** What the other hooks need above them. All below it share one connection, which is made when
   * the first of them is mounted in a page; on a server nothing is opened. */
  readonly TasksProvider: (props: TasksProviderProps<Types>) => ReactNode;
  /** One task, live. Without an id there is none yet. */
  readonly useTask: <Name extends TypeName<Types>>(
    type: Name,
    id: string | null | undefined,
    options?: UseTaskOptions<TaskOf<Types, Name>>,
  ) => UsedTask<TaskOf<Types, Name>>;
  /** All tasks that `filter` lets through, newest first, live; `undefined`: not known yet. */
  readonly useTasks: <Name extends TypeName<Types> = TypeName<Types>>(
    filter?: TaskFilter<Name>,
  ) => readonly TaskOf<Types, Name>[] | undefined;
  /** The log of a task, the oldest line first, live; `[]` as long as there is none. */
  readonly useTaskLog: (id: string | null | undefined) => readonly LogLine[];
  /** The tasks that `filter` lets through, a page at a time and live: `more` loads older ones. */
  readonly useTaskHistory: <Name extends TypeName<Types> = TypeName<Types>>(
    filter?: TaskFilter<Name>,
  ) => TaskHistory<TaskOf<Types, Name>>;
  /** How it stands with the connection. */
  readonly useConnection: () => Connection;
  /** The client of the provider, for `reconnect`, `api` and the rest. */
  readonly useTaskClient: () => TaskClient<Types>;
}

/** The hooks for the tasks of one application: `createHooks<BackgroundTasks>()`. */
export function createHooks<Types extends object = Record<string, unknown>>(): Hooks<Types> {
  const Context = createContext<TaskClient<Types> | null>(null);

  function useTaskClient(): TaskClient<Types> {
    const client = useContext(Context);
    if (client === null) throw new Error("put <TasksProvider> above what uses these hooks");
    return client;
  }

  return {
    TasksProvider({ client, options, children }) {
      const own = useOwnClient<Types>(client === undefined, options);
      return createElement(Context.Provider, { value: client ?? own }, children);
    },

    useTask<Name extends TypeName<Types>>(
      _type: Name,
      id: string | null | undefined,
      { onEnd }: UseTaskOptions<TaskOf<Types, Name>> = {},
    ): UsedTask<TaskOf<Types, Name>> {
      type Task = TaskOf<Types, Name>;
      const client = useTaskClient();
      const task = useReadable(() => (id ? taskStore<Types, Name>(client, id) : NOTHING), [client, id]);
      useEnd<Task>(() => (id ? taskStore<Types, Name>(client, id) : NOTHING), [client, id], onEnd);
      const cancel = useCallback(() => client.cancel(known(id)) as Promise<Task>, [client, id]);
      const retry = useCallback(() => client.retry(known(id)) as Promise<Task>, [client, id]);
      return { task, cancel, retry };
    },

    useTasks<Name extends TypeName<Types> = TypeName<Types>>(
      filter: TaskFilter<Name> = {},
    ): readonly TaskOf<Types, Name>[] | undefined {
      const client = useTaskClient();
      // A filter that is written out in a component is a new object at each render.
      const key = JSON.stringify(filter);
      return useReadable(() => taskListStore<Types, Name>(client, JSON.parse(key)), [client, key]);
    },

    useTaskLog(id: string | null | undefined): readonly LogLine[] {
      const client = useTaskClient();
      return useReadable(() => (id ? taskLogStore(client, id) : SILENCE), [client, id], NO_LINES);
    },

    useTaskHistory<Name extends TypeName<Types> = TypeName<Types>>(
      filter: TaskFilter<Name> = {},
    ): TaskHistory<TaskOf<Types, Name>> {
      const client = useTaskClient();
      const key = JSON.stringify(filter);
      const find = () => taskHistoryStore<Types, Name>(client, JSON.parse(key));
      return useReadable<TaskHistory<TaskOf<Types, Name>>>(find, [client, key], NOT_LOADED);
    },

    useConnection(): Connection {
      const client = useTaskClient();
      return useReadable(() => connectionStore(client), [client], NOT_CONNECTED);
    },

    useTaskClient,
  };
}

const NOTHING: Readable<undefined> = { get: () => undefined, subscribe: () => () => {} };
const SILENCE: Readable<readonly LogLine[]> = { get: () => NO_LINES, subscribe: () => () => {} };

/** The value of a store. `find` is asked again when the store may be needed anew: one that nobody
 * subscribes to is dropped. On a server the value is `atServer`. */
function useReadable<Value>(
  find: () => Readable<Value>,
  dependencies: readonly unknown[],
  atServer?: Value,
): Value {
  const [subscribe, get] = useMemo(() => {
    let store: Readable<Value> | undefined;
    const subscribe = (listener: () => void): (() => void) => {
      store = find();
      return store.subscribe(listener);
    };
    return [subscribe, (): Value => (store ?? find()).get()];
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `find` depends on nothing else
  }, dependencies);
  return useSyncExternalStore(subscribe, get, () => atServer as Value);
}

/** Calls `onEnd` once for the task of a store, if it ends while this component is mounted. */
function useEnd<Task extends { readonly status: any } & { readonly id: string }>(
  find: () => Readable<Task | null | undefined>,
  dependencies: readonly unknown[],
  onEnd: ((task: Task) => void) | undefined,
): void {
  const newest = useRef(onEnd);
  const told = useRef<string | null>(null);
  useEffect(() => {
    newest.current = onEnd;
  });
  const isWanted = onEnd !== undefined;
  useEffect(() => {
    if (!isWanted) return;
    const store = find();
    let wasRunning = false;
    const look = (): void => {
      const task = store.get();
      if (!task) return;
      if (!isFinal(task)) wasRunning = true;
      else if (wasRunning && told.current !== task.id) {
        told.current = task.id;
        newest.current?.(task);
      }
    };
    const stop = store.subscribe(look);
    look();
    return stop;
  }, [...dependencies, isWanted]);
}

/** A client that is closed when its component goes for good. */
function useOwnClient<Types extends object>(
  isWanted: boolean,
  options: ConnectOptions | undefined,
): TaskClient<Types> | null {
  // It connects when it is first used, so that a server may make one, or a render be thrown away.
  const [client] = useState(() => (isWanted ? connect<Types>(options) : null));
  const users = useRef(0);
  useEffect(() => {
    users.current += 1;
    return () => {
      users.current -= 1;
      // In strict mode React takes a component away and puts it back in one turn.
      queueMicrotask(() => {
        if (users.current === 0) client?.close();
      });
    };
  }, [client]);
  return client;
}

function known(id: string | null | undefined): string {
  if (!id) throw new TaskNotFoundError("there is no task yet: useTask was given no id");
  return id;
}
