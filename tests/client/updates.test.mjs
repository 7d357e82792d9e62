import assert from "node:assert/strict";
import { test } from "node:test";

import { A, B, client, settled, task, until } from "./fake.mjs";

/** A client whose updates are followed, and what came of them. */
function following(options) {
  const { socket, tasks } = client(options);
  const came = [];
  const took = ({ id, revision }) => came.push(`${id.at(-1)}${revision}`);
  const stop = tasks.onUpdate(took, () => came.push("began"));
  return { socket, tasks, came, stop };
}

test("every snapshot comes, also an old one, and what is known is sent after the beginning", async () => {
  const { socket, came, stop } = following();
  socket.answer = () => ({ ok: true, tasks: [task({ revision: 3 })] });
  socket.up();
  await settled();
  for (const revision of [5, 4]) socket.send({ revision });
  assert.deepEqual(came, ["began", "a3", "a5", "a4"]);
  assert.deepEqual(socket.asked, [["Subscribe", {}]]);
  stop();
  stop();
  socket.send({ revision: 6 });
  await settled();
  assert.equal(came.length, 4);
  assert.deepEqual(socket.asked.at(-1), ["Unsubscribe", {}]);
});

test("it begins anew after a lost connection, and after a subscription that failed", async () => {
  const { socket, came } = following();
  socket.up();
  await settled();
  socket.down();
  let failures = 2;
  socket.answer = () => (failures-- > 0 ? { ok: false, error: "busy" } : { ok: true, tasks: [] });
  socket.up();
  await until(() => came.length === 2);
  assert.deepEqual(came, ["began", "began"]);
  assert.equal(socket.asked.length, 4);
});

test("what is followed already begins at once, without a request", async () => {
  const { socket, tasks } = client();
  tasks.watchAll({}, () => {});
  socket.up();
  await settled();
  const came = [];
  tasks.onUpdate(() => {}, () => came.push("began"));
  await settled();
  assert.deepEqual([came, socket.asked.length], [["began"], 1]);
});

test("a task that is watched too is asked for whole, and nothing is missed meanwhile", async () => {
  const { socket, tasks, came } = following();
  socket.up();
  await settled();
  socket.asked = [];
  socket.answer = (_, { payloads = [] }) => ({ ok: true, tasks: payloads.map((id) => task({ id })) });
  const seen = [];
  const stop = tasks.watch(B, (t) => seen.push(t.id));
  await settled();
  assert.deepEqual(socket.asked, [["Subscribe", { payloads: [B] }]]);
  assert.deepEqual([seen, came], [[B], ["began", "b1"]]);
  stop();
  await settled();
  assert.deepEqual(socket.asked.slice(1), [["Subscribe", {}]]);
  assert.equal(came.filter((what) => what === "began").length, 1);
});

test("of the types of the options alone, if there are some", async () => {
  const { socket, tasks, came } = following({ types: ["Copy"] });
  tasks.watch(B, () => {});
  socket.up();
  await settled();
  assert.deepEqual(socket.asked, [["Subscribe", { types: ["Copy"], ids: [B] }]]);
  socket.send({ id: A });
  socket.send({ id: B, type: "Scan" });
  assert.deepEqual(came, ["began", "a1"]);
});

test("a listener that throws keeps nothing from the others", async (t) => {
  t.mock.method(console, "error", () => {});
  const { socket, tasks, came } = following();
  const stop = tasks.onUpdate(() => { throw new Error("mine"); }, () => { throw new Error("mine"); });
  tasks.onUpdate(() => came.push("other"));
  socket.up();
  await settled();
  socket.send({});
  assert.deepEqual(came, ["began", "a1", "other"]);
  stop();
});
