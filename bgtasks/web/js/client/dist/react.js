import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore, } from "react";
import { TaskNotFoundError } from "./errors.js";
import { connect } from "./index.js";
import { connectionStore, NO_LINES, NOT_CONNECTED, NOT_LOADED, taskHistoryStore, taskListStore, taskLogStore, taskStore, } from "./stores.js";
import { isFinal } from "./task.js";
/** The hooks for the tasks of one application: `createHooks<BackgroundTasks>()`. */
export function createHooks() {
    const Context = createContext(null);
    function useTaskClient() {
        const client = useContext(Context);
        if (client === null)
            throw new Error("put <TasksProvider> above what uses these hooks");
        return client;
    }
    return {
        TasksProvider({ client, options, children }) {
            const own = useOwnClient(client === undefined, options);
            return createElement(Context.Provider, { value: client ?? own }, children);
        },
        useTask(_type, id, { onEnd } = {}) {
            const client = useTaskClient();
            const task = useReadable(() => (id ? taskStore(client, id) : NOTHING), [client, id]);
            useEnd(() => (id ? taskStore(client, id) : NOTHING), [client, id], onEnd);
            const cancel = useCallback(() => client.cancel(known(id)), [client, id]);
            const retry = useCallback(() => client.retry(known(id)), [client, id]);
            return { task, cancel, retry };
        },
        useTasks(filter = {}) {
            const client = useTaskClient();
            // A filter that is written out in a component is a new object at each render.
            const key = JSON.stringify(filter);
            return useReadable(() => taskListStore(client, JSON.parse(key)), [client, key]);
        },
        useTaskLog(id) {
            const client = useTaskClient();
            return useReadable(() => (id ? taskLogStore(client, id) : SILENCE), [client, id], NO_LINES);
        },
        useTaskHistory(filter = {}) {
            const client = useTaskClient();
            const key = JSON.stringify(filter);
            const find = () => taskHistoryStore(client, JSON.parse(key));
            return useReadable(find, [client, key], NOT_LOADED);
        },
        useConnection() {
            const client = useTaskClient();
            return useReadable(() => connectionStore(client), [client], NOT_CONNECTED);
        },
        useTaskClient,
    };
}
const NOTHING = { get: () => undefined, subscribe: () => () => { } };
const SILENCE = { get: () => NO_LINES, subscribe: () => () => { } };
/** The value of a store. `find` is asked again when the store may be needed anew: one that nobody
 * subscribes to is dropped. On a server the value is `atServer`. */
function useReadable(find, dependencies, atServer) {
    const [subscribe, get] = useMemo(() => {
        let store;
        const subscribe = (listener) => {
            store = find();
            return store.subscribe(listener);
        };
        return [subscribe, () => (store ?? find()).get()];
        // eslint-disable-next-line react-hooks/exhaustive-deps -- `find` depends on nothing else
    }, dependencies);
    return useSyncExternalStore(subscribe, get, () => atServer);
}
/** Calls `onEnd` once for the task of a store, if it ends while this component is mounted. */
function useEnd(find, dependencies, onEnd) {
    const newest = useRef(onEnd);
    const told = useRef(null);
    useEffect(() => {
        newest.current = onEnd;
    });
    const isWanted = onEnd !== undefined;
    useEffect(() => {
        if (!isWanted)
            return;
        const store = find();
        let wasRunning = false;
        const look = () => {
            const task = store.get();
            if (!task)
                return;
            if (!isFinal(task))
                wasRunning = true;
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
function useOwnClient(isWanted, options) {
    // It connects when it is first used, so that a server may make one, or a render be thrown away.
    const [client] = useState(() => (isWanted ? connect(options) : null));
    const users = useRef(0);
    useEffect(() => {
        users.current += 1;
        return () => {
            users.current -= 1;
            // In strict mode React takes a component away and puts it back in one turn.
            queueMicrotask(() => {
                if (users.current === 0)
                    client?.close();
            });
        };
    }, [client]);
    return client;
}
function known(id) {
    if (!id)
        throw new TaskNotFoundError("there is no task yet: useTask was given no id");
    return id;
}
