// Logs of tasks: followed, asked for, and shown once after a lost connection.
import assert from "node:assert/strict";
import { test } from "node:test";

import { A, B, client, settled } from "./fake.mjs";

const { taskLogStore } = await import(`${process.env.BGTASKS_CLIENT}/stores.js`);

const line = (number, message = `line ${number}`) => ({
  number, at: "2026-01-01T00:00:00.000000Z", level: "info", message, source: "task",
});

async function following(id = A) {
  const { socket, tasks } = client();
  const told = [];
  socket.up();
  const stop = tasks.watchLogs(id, (lines, all) => {
    told.push([lines.map((one) => one.number), all.map((one) => one.number)]);
  });
  await settled();
  return { socket, tasks, told, stop };
}

test("the lines that are kept come first, then each new one", async () => {
  const { socket, told, stop } = await following();
  assert.deepEqual(socket.asked, [["Subscribe", { types: [], ids: [], logs: [A] }]]);
  socket.log(A, [line(1), line(2)]);
  socket.log(A, [line(4)]);
  socket.log(B, [line(1)]);
  assert.deepEqual(told, [[[1, 2], [1, 2]], [[4], [1, 2, 4]]]);
  stop();
  stop();
  await settled();
  assert.deepEqual(socket.asked.slice(1), [["Unsubscribe", {}]]);
  socket.log(A, [line(5)]);
  assert.equal(told.length, 2);
});

test("after a lost connection nothing is told twice", async () => {
  const { socket, told } = await following();
  socket.log(A, [line(1), line(2)]);
  socket.down();
  socket.up();
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { types: [], ids: [], logs: [A] }]);
  socket.log(A, [line(1), line(2), line(3)]);
  assert.deepEqual(told.at(-1), [[3], [1, 2, 3]]);
});

test("logs are followed beside tasks, and beside everything", async () => {
  const { socket, tasks } = await following();
  tasks.watch(B, () => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { types: [], ids: [B], logs: [A] }]);
  tasks.watchAll({}, () => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { payloads: [B], logs: [A] }]);
  tasks.watchLogs(B, () => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { payloads: [B], logs: [A, B] }]);
});

test("a second listener is told what is known, and one that throws harms nobody", async (t) => {
  t.mock.method(console, "error", () => {});
  const { socket, tasks, told } = await following();
  tasks.watchLogs(A, () => {
    throw new Error("no");
  });
  socket.log(A, [line(1)]);
  const later = [];
  tasks.watchLogs(A, (lines) => later.push(...lines.map((one) => one.number)));
  await settled();
  socket.log(A, [line(2)]);
  assert.equal(socket.asked.length, 1);
  assert.deepEqual(later, [1, 2]);
  assert.equal(told.length, 2);
});

test("who stops and begins again in one turn goes on with what is known", async () => {
  const { socket, tasks, stop } = await following();
  socket.log(A, [line(1)]);
  stop();
  const seen = [];
  tasks.watchLogs(A, (_, all) => seen.push(all.length));
  await settled();
  assert.equal(socket.asked.length, 1);
  socket.log(A, [line(2)]);
  assert.deepEqual(seen, [1, 2]);
});

test("what is no id is no log, and too many are refused", async () => {
  const { tasks } = await following();
  tasks.watchLogs("x", () => assert.fail())();
  const id = (number) => `0193a4e0-0000-7000-8000-${String(number).padStart(12, "0")}`;
  const stops = Array.from({ length: 19 }, (_, n) => tasks.watchLogs(id(n), () => {}));
  assert.throws(() => tasks.watchLogs(B, () => {}), /at most 20 logs/);
  stops[0]();
  tasks.watchLogs(B, () => {});
});

test("a store has all lines, the same array until there are more", async () => {
  const { socket, tasks } = client();
  socket.up();
  const store = taskLogStore(tasks, A);
  let changes = 0;
  const stop = store.subscribe(() => (changes += 1));
  assert.deepEqual(store.get(), []);
  await settled();
  socket.log(A, [line(1)]);
  socket.log(A, [line(2)]);
  assert.deepEqual(store.get().map((one) => one.number), [1, 2]);
  assert.equal(store.get(), store.get());
  assert.equal(changes, 2);
  stop();
});
