/** The Socket.IO side: every change is pushed here, nothing is ever asked for on a clock. */
import { signal } from "@preact/signals";
import { io } from "socket.io-client";
import { SOCKET_PATH } from "./api";
import { MAX_KEPT, note, phase, sync } from "./loader";
import { receive, refetch } from "./opened";
import { forgetPermissions } from "./permissions";
import * as store from "./store";
import { slim, type Snapshot } from "./task";

export type Connection = "connecting" | "live" | "offline" | "refused";

export const connection = signal<Connection>("connecting");
export const refusal = signal("");

const socket = io("/background-tasks", {
  path: SOCKET_PATH,
  transports: ["websocket"],
  reconnectionDelay: 500,
  reconnectionDelayMax: 5000,
  autoConnect: false,
});

socket.on("TaskUpdated", (snapshot: Snapshot) => {
  note(snapshot.id);
  store.push(slim(snapshot));
  receive(snapshot);
  // A page that is left open for weeks begins anew with the newest.
  if (store.size() > MAX_KEPT + 1000) void sync();
});

socket.on("connect", () => {
  connection.value = "live";
  refusal.value = "";
  readAgain();
});

socket.on("disconnect", (reason) => {
  connection.value = "offline";
  // After this one the client does not come back by itself.
  if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
});

socket.on("connect_error", (error) => {
  connection.value = socket.active ? "offline" : "refused";
  if (!socket.active) refusal.value = error.message;
  // Who was refused may have been let in before: then what is shown is not theirs to see any more.
  if (phase.peek() === "starting" || !socket.active) readAgain();
});

function readAgain(): void {
  forgetPermissions();
  void sync();
  void refetch();
}

/** Who was refused may have logged in meanwhile. */
export function tryAgain(): void {
  phase.value = "starting";
  connection.value = "connecting";
  socket.disconnect();
  socket.connect();
}

addEventListener("focus", () => {
  if (connection.peek() === "refused") tryAgain();
});

export function start(): void {
  socket.connect();
}
