import { io } from "socket.io-client";

import { TaskClient, type ConnectOptions } from "./client.js";

export * from "./public.js";

/** Connect to the application that is mounted at `options.url`. */
export function connect<Types extends object = Record<string, unknown>>(
  options: ConnectOptions = {},
): TaskClient<Types> {
  return new TaskClient<Types>(io, options);
}
