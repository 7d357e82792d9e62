import { io } from "socket.io-client";
import { TaskClient } from "./client.js";
export * from "./public.js";
/** Connect to the application that is mounted at `options.url`. */
export function connect(options = {}) {
    return new TaskClient(io, options);
}
