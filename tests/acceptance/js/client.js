// What the tests of the JS client share: one socket, what it hears, and waiting for it.
import { io } from "socket.io-client";

const [, , origin] = process.argv;

export const updates = [];
const waiting = new Set();

export function connect(query = {}, options = {}) {
  const socket = io(`${origin}/background-tasks`, {
    path: "/background-tasks/socket.io",
    transports: ["websocket"],
    reconnectionDelay: 50,
    reconnectionDelayMax: 100,
    query,
    ...options,
  });
  socket.on("TaskUpdated", (task) => {
    updates.push(task);
    for (const check of waiting) check();
  });
  return socket;
}

export function until(condition, what, patience = 15000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patience);
    const check = () => {
      const found = condition();
      if (!found) return;
      clearTimeout(timer);
      waiting.delete(check);
      resolve(found);
    };
    waiting.add(check);
    check();
  });
}

export const connected = (socket) =>
  new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });

export const update = (id, condition, what) =>
  until(() => updates.find((task) => task.id === id && condition(task)), what);

async function post(path) {
  const response = await fetch(`${origin}${path}`, { method: "POST" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

export const handIn = async () => (await post("/gated")).id;
export const go = (id, steps = 1) => post(`/go/${id}?steps=${steps}`);
export const ask = (socket, ...message) => socket.timeout(5000).emitWithAck(...message);
