// For pages without a build: everything in reach of one import from the mounted application.
import { io } from "../socket.io.esm.min.js";
import { checkOptions, TaskClient } from "./client.js";
export * from "./public.js";
/** Connect, by default to the application that has served this file, wherever it is mounted. */
export function connect(options = {}) {
    checkOptions(options); // before they are put together with the address
    const url = new URL("../..", import.meta.url).href;
    return new TaskClient(io, { url, ...options });
}
