import { TaskClient, type ConnectOptions } from "./client.js";
export * from "./public.js";
/** Connect, by default to the application that has served this file, wherever it is mounted. */
export declare function connect<Types extends object = Record<string, unknown>>(options?: ConnectOptions): TaskClient<Types>;
