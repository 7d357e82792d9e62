// What an application imports beside `connect`, which differs with where Socket.IO comes from.
export { TaskApi } from "./api.js";
export type {
  Action,
  Attempt,
  AttemptError,
  BulkAction,
  BulkMatch,
  BulkJob,
  BulkOptions,
  BulkProgress,
  Permissions,
  PageOptions,
  TaskDetails,
  TaskFilter,
  TaskPage,
  TaskSearch,
  TimeRange,
} from "./api.js";
export { TaskClient } from "./client.js";
export type { ConnectOptions, Stop } from "./client.js";
export * from "./errors.js";
export type { Connection } from "./link.js";
export type { LogLine, LogListener, LogPart } from "./logs.js";
export type { ScheduleInfo, SchedulePage, ScheduleTick } from "./schedules.js";
export type { Attention, Stats, StatsListener } from "./stats.js";
export { isFinal, isNewer, newestFirst } from "./task.js";
export type { Task, TaskOf, TaskStatus, TypeName } from "./task.js";
export type { TypeInfo, TypeRate } from "./types.js";
