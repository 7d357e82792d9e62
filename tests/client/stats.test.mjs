// How things are: pushed, beside tasks or alone, and missing where they may not be seen.
import assert from "node:assert/strict";
import { test } from "node:test";

import { B, client, settled } from "./fake.mjs";

const stats = (waiting) => ({ waiting, attention: [] });

async function following() {
  const { socket, tasks } = client();
  const came = [];
  const stop = tasks.watchStats(({ waiting }) => came.push(waiting), () => came.push("began"));
  socket.up();
  await settled();
  return { socket, tasks, came, stop };
}

test("they are followed alone, and no longer when nobody wants them", async () => {
  const { socket, came, stop } = await following();
  assert.deepEqual(socket.asked, [["Subscribe", { types: [], ids: [], view: "stats" }]]);
  socket.count(stats(3));
  socket.count(stats(4));
  assert.deepEqual(came, ["began", 3, 4]);
  stop();
  stop();
  await settled();
  assert.deepEqual(socket.asked.slice(1), [["Unsubscribe", {}]]);
  socket.count(stats(5));
  assert.equal(came.length, 3);
});

test("they are followed beside a task, and beside everything", async () => {
  const { socket, tasks } = await following();
  const stop = tasks.watch(B, () => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { types: [], ids: [B], view: "stats" }]);
  stop();
  tasks.onUpdate(() => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { view: "stats", all: true }]);
});

test("who comes later is told what is known", async () => {
  const { socket, tasks, came } = await following();
  socket.count(stats(3));
  const later = [];
  tasks.watchStats(({ waiting }) => later.push(waiting), () => later.push("began"));
  await settled();
  assert.deepEqual(later.toSorted(), [3, "began"]);
  socket.down();
  socket.up();
  await settled();
  assert.deepEqual(came, ["began", 3, "began"]);
});

test("where they may not be seen, the rest is followed without them", async () => {
  const { socket, tasks } = client();
  const came = [];
  socket.answer = (_, { view }) =>
    view ? { ok: false, error: "you may not see statistics" } : { ok: true, tasks: [] };
  tasks.watchStats(() => came.push("stats"));
  tasks.onUpdate(() => {}, () => came.push("began"));
  socket.up();
  await settled();
  assert.deepEqual(came, ["began"]);
  tasks.watchLogs(B, () => {});
  await settled();
  assert.deepEqual(socket.asked.at(-1), ["Subscribe", { logs: [B] }]);
  socket.down();
  socket.up();
  await settled();
  assert.equal(socket.asked.filter(([, { view }]) => view).length, 2); // who may is another now
});
