// What an application imports beside `connect`, which differs with where Socket.IO comes from.
export { TaskApi } from "./api.js";
export { TaskClient } from "./client.js";
export * from "./errors.js";
export { isFinal, isNewer, newestFirst } from "./task.js";
