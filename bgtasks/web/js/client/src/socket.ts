/** The part of a Socket.IO client that is used here. */
export interface Socket {
  readonly active: boolean;
  readonly connected: boolean;
  connect(): unknown;
  disconnect(): unknown;
  on(event: string, listener: (...args: any[]) => void): unknown;
  timeout(ms: number): { emitWithAck(event: string, argument: unknown): Promise<unknown> };
}

export interface SocketOptions {
  path: string;
  transports: string[];
  forceNew: boolean;
  reconnectionDelay: number;
  timeout: number;
  auth: (send: (data: object) => void) => void;
}

/** The function `io` of `socket.io-client`. */
export type Io = (url: string, options: SocketOptions) => Socket;

/** Where the application is that is mounted at `url`; ends with a slash. */
export function mountPoint(url: string): URL {
  const page = globalThis.location?.href;
  let mount: URL;
  try {
    mount = new URL(url, page);
  } catch {
    throw new TypeError(`url is ${JSON.stringify(url)}; outside of a page it must be absolute`);
  }
  return new URL(`${mount.pathname.replace(/\/+$/, "")}/`, mount);
}
