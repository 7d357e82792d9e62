import { io } from "socket.io-client";
import { TaskClient } from "./client.js";
export { TaskApi } from "./api.js";
export { TaskClient } from "./client.js";
export * from "./errors.js";
export { isFinal, isNewer, newestFirst } from "./task.js";
/** Connect to the application that is mounted at `options.url`. */
export function connect(options = {}) {
    return new TaskClient(io, options);
}
