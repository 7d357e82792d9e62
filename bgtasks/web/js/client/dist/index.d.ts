import { TaskClient, type ConnectOptions } from "./client.js";
export { TaskApi } from "./api.js";
export type { Action, BulkAction, BulkMatch, BulkResult, FailedAttempt, Permissions, TaskFilter, TaskPage, TaskSearch, TimeRange, } from "./api.js";
export { TaskClient } from "./client.js";
export type { ConnectOptions, Stop } from "./client.js";
export * from "./errors.js";
export type { Connection } from "./link.js";
export { isFinal, isNewer, newestFirst } from "./task.js";
export type { Task, TaskOf, TaskStatus, TypeName } from "./task.js";
export type { ScheduleInfo, SchedulePage, ScheduleTick } from "./schedules.js";
export type { TypeInfo, TypeRate } from "./types.js";
/** Connect to the application that is mounted at `options.url`. */
export declare function connect<Types extends object = Record<string, unknown>>(options?: ConnectOptions): TaskClient<Types>;
