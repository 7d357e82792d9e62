// Pages of the whole list that are merged with the updates that come meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";

import { client, settled, task } from "./fake.mjs";

const { taskHistoryStore } = await import(`${process.env.BGTASKS_CLIENT}/stores.js`);

const id = (number) => `0193a4e0-0000-7000-8000-${String(number).padStart(12, "0")}`;

/** Tasks of which a higher number is a newer one. */
const numbered = (number, fields = {}) =>
  task({ id: id(number), createdAt: `2026-01-01T00:00:${String(number).padStart(2, "0")}.000000Z`, ...fields });

/** A history whose server has `rows`, three on a page, and waits for `gate`. */
function history(rows, filter = {}) {
  const { socket, tasks } = client();
  const server = { rows, asked: [], gate: Promise.resolve(), fail: null };
  tasks.api.list = async ({ limit: _, cursor, ...given }) => {
    server.asked.push({ cursor, ...given });
    const seen = server.rows.filter((one) => !cursor || one.id < cursor);
    const found = seen.slice(0, 3);
    await server.gate;
    if (server.fail) throw server.fail;
    return { items: found, nextCursor: seen.length > 3 ? found.at(-1).id : null };
  };
  const store = taskHistoryStore(tasks, filter);
  const stop = store.subscribe(() => {});
  const shown = () => store.get().tasks?.map((one) => `${Number(one.id.slice(-12))}:${one.progress}`).join(" ");
  return { socket, server, store, shown, stop };
}

const SEVEN = [7, 6, 5, 4, 3, 2, 1].map((number) => numbered(number));

async function begun(rows = SEVEN, filter = {}) {
  const made = history(rows, filter);
  made.socket.up();
  await settled();
  return made;
}

test("pages are loaded one after the other, until there are no more", async () => {
  const { store, shown } = await begun();
  assert.equal(shown(), "7:0 6:0 5:0");
  assert.equal(store.get().hasMore, true);
  await store.get().more();
  assert.equal(shown(), "7:0 6:0 5:0 4:0 3:0 2:0");
  await store.get().more();
  assert.equal(store.get().hasMore, false);
  await store.get().more();
  assert.equal(shown(), "7:0 6:0 5:0 4:0 3:0 2:0 1:0");
});

test("nothing is known before the first page, and that it is on its way is said", async () => {
  const { socket, store } = history(SEVEN);
  assert.deepEqual([store.get().tasks, store.get().isLoading], [undefined, true]);
  socket.up();
  await settled();
  assert.equal(store.get().isLoading, false);
});

test("an update that comes before the page which has an older snapshot stays", async () => {
  const made = history(SEVEN);
  let open;
  made.server.gate = new Promise((resolve) => (open = resolve));
  made.socket.up();
  await settled();
  made.socket.send(numbered(6, { revision: 5, progress: 50 }));
  open();
  await settled();
  assert.equal(made.shown(), "7:0 6:50 5:0");
  made.socket.send(numbered(6, { revision: 4, progress: 40 }));
  assert.equal(made.shown(), "7:0 6:50 5:0");
});

test("a new task is at the top; one of a page that is not loaded waits for its page", async () => {
  const { socket, store, shown, server } = await begun();
  socket.send(numbered(8, { progress: 1 }));
  socket.send(numbered(2, { revision: 2, progress: 20 }));
  assert.equal(shown(), "8:1 7:0 6:0 5:0");
  server.rows = SEVEN.map((one) => (one.id === id(2) ? numbered(2, { revision: 2, progress: 20 }) : one));
  await store.get().more();
  assert.equal(shown(), "8:1 7:0 6:0 5:0 4:0 3:0 2:20");
});

test("a task that no longer fits the filter goes, also where a page on its way still has it", async () => {
  const made = await begun(SEVEN, { statuses: ["Running"] });
  let open;
  made.server.gate = new Promise((resolve) => (open = resolve));
  const loaded = made.store.get().more();
  made.socket.send(numbered(6, { revision: 2, status: "Completed" }));
  made.socket.send(numbered(4, { revision: 2, status: "Completed" }));
  open();
  await loaded;
  assert.equal(made.shown(), "7:0 5:0 3:0 2:0");
  assert.deepEqual(made.server.asked[0].statuses, ["Running"]);
});

test("after a lost connection all that was loaded is asked for again; what is gone goes", async () => {
  const { socket, store, shown, server } = await begun();
  await store.get().more();
  socket.down();
  server.rows = [9, 7, 6, 4, 3, 2, 1].map((number) => numbered(number, { revision: 3, progress: 9 }));
  socket.up();
  await settled();
  assert.equal(shown(), "9:9 7:9 6:9 4:9 3:9 2:9");
});

test("a page that fails says why, and is asked for again by the next click", async () => {
  const { store, shown, server } = await begun();
  server.fail = new Error("no network");
  await store.get().more();
  assert.equal(store.get().error.message, "no network");
  assert.equal(shown(), "7:0 6:0 5:0");
  server.fail = null;
  await store.get().more();
  assert.deepEqual([store.get().error, shown()], [null, "7:0 6:0 5:0 4:0 3:0 2:0"]);
});

test("two clicks load one page", async () => {
  const { store, server } = await begun();
  await Promise.all([store.get().more(), store.get().more()]);
  assert.equal(server.asked.length, 2);
});

test("when nobody subscribes any more it is forgotten", async () => {
  const { store, stop, socket } = await begun();
  stop();
  await settled();
  assert.equal(store.get().tasks, undefined);
  socket.send(numbered(8));
  assert.equal(store.get().tasks, undefined);
});
