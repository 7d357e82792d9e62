// The hooks for React, in a document of happy-dom and on a socket that does what a test says.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";

import { A, B, client, settled, task } from "./fake.mjs";

const require = createRequire(`${process.env.BGTASKS_CLIENT}/`);
const { Window } = await import(require.resolve("happy-dom"));
const window = new Window();
const globals = { window, document: window.document, navigator: window.navigator };
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

const { act, createElement: h, StrictMode, useState } = require("react");
const { createRoot } = require("react-dom/client");
const { renderToString } = require("react-dom/server");
const { createHooks } = await import(`${process.env.BGTASKS_CLIENT}/react.js`);
const { taskStore, taskListStore } = await import(`${process.env.BGTASKS_CLIENT}/stores.js`);
const { TasksProvider, useConnection, useTask, useTaskClient, useTaskHistory, useTaskLog, useTasks } = createHooks();

const roots = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await act(async () => root.unmount());
});

/** Mount what `App` gives, below the client, in strict mode. */
async function mount(tasks, App) {
  const box = document.createElement("div");
  const root = createRoot(box);
  roots.push(root);
  const show = () =>
    act(async () => {
      root.render(h(StrictMode, null, h(TasksProvider, { client: tasks }, h(App))));
      await settled();
    });
  await show();
  return { box, root, show };
}

/** Let something happen, and React draw it. */
const happens = (action) =>
  act(async () => {
    await action();
    await settled();
  });

/** A server that knows these tasks. */
function knows(socket, ...tasks) {
  socket.answer = (event, { ids = [], types } = {}) => ({
    ok: true,
    tasks: tasks.filter((one) => ids.includes(one.id) || types?.includes(one.type) || (!ids.length && !types)),
  });
}

function Shown({ id = A, onEnd }) {
  const { task } = useTask("Copy", id, { onEnd });
  return h("p", null, task === undefined ? "…" : task === null ? "none" : `${task.status} ${task.progress}`);
}

const asked = (socket, event) => socket.asked.filter(([name]) => name === event).map(([, argument]) => argument);

test("a task is shown from undefined to its end, and is null where there is none", async () => {
  const { socket, tasks } = client();
  const { box } = await mount(tasks, () => h("div", null, h(Shown), h(Shown, { id: B })));
  assert.equal(box.textContent, "……");
  knows(socket, task({ progress: 5 }));
  await happens(() => socket.up());
  assert.equal(box.textContent, "Running 5none");
  await happens(() => socket.send({ revision: 2, progress: 50 }));
  assert.equal(box.textContent, "Running 50none");
  await happens(() => socket.send({ revision: 3, progress: 100, status: "Completed" }));
  assert.equal(box.textContent, "Completed 100none");
});

test("two components in strict mode subscribe once to one task", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  const { box } = await mount(tasks, () => h("div", null, h(Shown), h(Shown)));
  assert.equal(box.textContent, "Running 0Running 0");
  assert.deepEqual(asked(socket, "Subscribe"), [{ types: [], ids: [A] }]);
});

test("a task whose component gives way to another stays followed; without any it is not", async () => {
  const { socket, tasks } = client();
  knows(socket, task({ progress: 7 }));
  socket.up();
  let key = "first";
  const { box, show } = await mount(tasks, () => (key ? h(Shown, { key }) : null));
  key = "second";
  await show();
  assert.equal(box.textContent, "Running 7");
  assert.equal(asked(socket, "Subscribe").length, 1);
  key = null;
  await show();
  assert.equal(asked(socket, "Unsubscribe").length, 1);
});

test("another id shows nothing of the task before", async () => {
  const { socket, tasks } = client();
  knows(socket, task({ progress: 1 }), task({ id: B, progress: 2 }));
  socket.up();
  let id = A;
  const seen = [];
  const { show } = await mount(tasks, () => {
    const { task } = useTask("Copy", id);
    seen.push([id, task?.id]);
    return null;
  });
  id = B;
  await show();
  id = null;
  await show();
  assert.deepEqual(seen.at(-1), [null, undefined]);
  for (const [wanted, shown] of seen) assert.ok(shown === undefined || shown === wanted);
});

test("what is no id is a task that is not there", async () => {
  const { tasks } = client();
  const { box } = await mount(tasks, () => h(Shown, { id: "abc" }));
  assert.equal(box.textContent, "none");
});

test("an end that is seen is told once, to each component that wants it", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  const ends = [];
  const onEnd = (name) => (ended) => ends.push([name, ended.status]);
  const { show } = await mount(tasks, () =>
    h("div", null, h(Shown, { onEnd: onEnd("first") }), h(Shown, { onEnd: onEnd("second") }), h(Shown)),
  );
  await happens(() => socket.up());
  await happens(() => socket.send({ revision: 2, progress: 99 }));
  assert.deepEqual(ends, []);
  await happens(() => socket.send({ revision: 3, status: "Failed" }));
  await show();
  await happens(() => socket.send({ revision: 4, status: "Running" }));
  await happens(() => socket.send({ revision: 5, status: "Completed" }));
  assert.deepEqual(ends, [["first", "Failed"], ["second", "Failed"]]);
});

test("the newest onEnd is the one that is called", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  const ends = [];
  let name = "old";
  const { show } = await mount(tasks, () => h(Shown, { onEnd: () => ends.push(name) }));
  name = "new";
  await show();
  await happens(() => socket.send({ revision: 2, status: "Completed" }));
  assert.deepEqual(ends, ["new"]);
});

test("an end that came before is not told", async () => {
  const { socket, tasks } = client();
  knows(socket, task({ status: "Completed" }));
  socket.up();
  const ends = [];
  const { box } = await mount(tasks, () => h(Shown, { onEnd: () => ends.push("end") }));
  assert.equal(box.textContent, "Completed 0");
  assert.deepEqual(ends, []);
});

test("an end that came while the line was cut is told", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  const ends = [];
  await mount(tasks, () => h(Shown, { onEnd: ({ status }) => ends.push(status) }));
  knows(socket, task({ revision: 9, status: "Cancelled" }));
  await happens(() => socket.down());
  await happens(() => socket.up());
  assert.deepEqual(ends, ["Cancelled"]);
});

test("of a task before, whose id gave way to another, no end is told", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}), task({ id: B }));
  socket.up();
  const ends = [];
  let id = A;
  const { show } = await mount(tasks, () => h(Shown, { id, onEnd: (ended) => ends.push(ended.id) }));
  id = B;
  await show();
  await happens(() => socket.send({ revision: 2, status: "Completed" }));
  assert.deepEqual(ends, []);
  await happens(() => socket.send({ id: B, revision: 2, status: "Completed" }));
  id = A; // it has ended meanwhile, and nobody saw it
  await show();
  assert.deepEqual(ends, [B]);
});

test("a task that is to be cancelled, or waits for another attempt, has not ended", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  const ends = [];
  await mount(tasks, () => h(Shown, { onEnd: ({ status }) => ends.push(status) }));
  await happens(() => socket.send({ revision: 2, status: "Pending", errorMessage: "no", attempt: 1 }));
  await happens(() => socket.send({ revision: 3, status: "Running", attempt: 2 }));
  await happens(() => socket.send({ revision: 4, status: "Running", cancelRequested: true }));
  assert.deepEqual(ends, []);
  await happens(() => socket.send({ revision: 5, status: "Cancelled" }));
  assert.deepEqual(ends, ["Cancelled"]);
});

test("lists are live, and a filter written out at each render asks once", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}), task({ id: B, createdAt: "2026-01-02T00:00:00.000000Z" }));
  socket.up();
  const { box, show } = await mount(tasks, () => {
    const all = useTasks({ types: ["Copy"] });
    return h("p", null, all === undefined ? "…" : all.map(({ progress }) => progress).join());
  });
  assert.equal(box.textContent, "0,0");
  await happens(() => socket.send({ revision: 2, progress: 30 }));
  await show();
  assert.equal(box.textContent, "0,30");
  assert.equal(asked(socket, "Subscribe").length, 1);
});

test("a history is loaded a page at a time, and is live", async () => {
  const { socket, tasks } = client();
  const pages = { null: [task({ id: B })], more: [task({ id: A })] };
  tasks.api.list = async ({ cursor }) => ({ items: pages[cursor], nextCursor: cursor ? null : "more" });
  let used;
  const { box } = await mount(tasks, () => {
    used = useTaskHistory({ types: ["Copy"] });
    return h("p", null, used.tasks === undefined ? "…" : used.tasks.map(({ progress }) => progress).join());
  });
  assert.equal(box.textContent, "…");
  await happens(() => socket.up());
  assert.equal(box.textContent, "0");
  await happens(() => used.more());
  assert.deepEqual([box.textContent, used.hasMore], ["0,0", false]);
  await happens(() => socket.send({ revision: 2, progress: 30 }));
  assert.equal(box.textContent, "0,30");
});

test("cancel and retry go to the server, and reject with its reason", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  let used;
  await mount(tasks, () => {
    used = useTask("Copy", A);
    return null;
  });
  socket.answer = () => ({ ok: true, task: task({ revision: 2, cancelRequested: true }) });
  await happens(async () => assert.equal((await used.cancel()).cancelRequested, true));
  assert.equal(used.task.cancelRequested, true);
  socket.answer = () => ({ ok: false, error: "it is running" });
  await happens(() => assert.rejects(used.retry(), { name: "TaskError", message: "it is running" }));
});

test("a component that goes during a request leaves no trace", async () => {
  const { socket, tasks } = client();
  let answer;
  socket.answer = () => new Promise((resolve) => (answer = resolve));
  socket.up();
  let isThere = true;
  const { box, show } = await mount(tasks, () => (isThere ? h(Shown) : h("p", null, "gone")));
  isThere = false;
  await show();
  socket.answer = () => ({ ok: true, tasks: [] });
  await happens(() => answer({ ok: true, tasks: [task({})] }));
  assert.equal(box.textContent, "gone");
});

test("a component that goes while it asks for a cancel gets the answer all the same", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  let used;
  let isThere = true;
  function Cancelling() {
    used = useTask("Copy", A);
    return null;
  }
  const { show } = await mount(tasks, () => (isThere ? h(Cancelling) : null));
  let answer;
  socket.answer = () => new Promise((resolve) => (answer = resolve));
  const asking = used.cancel();
  await settled();
  const answering = answer;
  isThere = false;
  socket.answer = () => ({ ok: true, tasks: [] });
  await show();
  await happens(() => answering({ ok: true, task: task({ revision: 2, cancelRequested: true }) }));
  assert.equal((await asking).cancelRequested, true);
});

test("another key of the provider is another connection, and the one before is closed", async () => {
  const { socket, tasks } = client();
  knows(socket, task({}));
  socket.up();
  let user = "ada";
  const clients = [];
  function Own() {
    clients.push(useTaskClient());
    return null;
  }
  const { show } = await mount(tasks, () => h(TasksProvider, { key: user }, h(Own)));
  user = "bob";
  await show();
  const [first, last] = [clients[0], clients.at(-1)];
  assert.notEqual(first, last);
  assert.throws(() => first.reconnect(), { name: "ClosedError" });
});

test("the connection is shown; a refused one comes back when it is asked to", async () => {
  const { socket, tasks } = client();
  let owner;
  const { box } = await mount(tasks, () => {
    owner = useTaskClient();
    const { state, message } = useConnection();
    return h("p", null, `${state} ${message}`);
  });
  await happens(() => socket.refuse("log in first"));
  assert.equal(box.textContent, "refused log in first");
  await happens(() => owner.reconnect());
  assert.equal(box.textContent, "connecting null");
  assert.equal(socket.connects, 1);
  await happens(() => socket.up());
  assert.equal(box.textContent, "connected null");
});

test("hooks without a provider say what is missing", () => {
  assert.throws(() => renderToString(h(Shown)), /put <TasksProvider> above/);
});

test("on a server everything is undefined and nothing is opened", () => {
  const text = renderToString(
    h(TasksProvider, { options: { url: "/background-tasks" } }, h(Shown), h(function All() {
      return String(useTasks()) + useConnection().state + String(useTaskHistory().tasks);
    })),
  );
  assert.match(text, /…/);
  assert.match(text, /undefinedconnectingundefined/);
});

test("stores are shared while they are used, and begin anew afterwards", async () => {
  const { socket, tasks } = client();
  knows(socket, task({ progress: 3 }));
  socket.up();
  const first = taskStore(tasks, A);
  assert.equal(first.get(), undefined);
  let calls = 0;
  const stops = [first.subscribe(() => calls++), first.subscribe(() => calls++)];
  await settled();
  assert.equal(taskStore(tasks, A), first);
  assert.equal(first.get(), first.get());
  assert.equal(first.get().progress, 3);
  assert.equal(calls, 2);
  for (const stop of [...stops, ...stops]) stop();
  await settled();
  assert.equal(first.get(), undefined);
  assert.equal(asked(socket, "Unsubscribe").length, 1);
  assert.notEqual(taskListStore(tasks), taskListStore(tasks));
});

test("a log grows as its lines come, in strict mode and on a server", async () => {
  const { socket, tasks } = client();
  socket.up();
  function Lines({ id = A }) {
    return h("p", null, useTaskLog(id).map((line) => line.message).join(" "));
  }
  const { box } = await mount(tasks, () => h("div", null, h(Lines), h(Lines), h(Lines, { id: null })));
  const line = (number, message) => ({ number, message, at: "", level: "info", source: "task" });
  await happens(() => socket.log(A, [line(1, "one")]));
  await happens(() => socket.log(A, [line(2, "two")]));
  assert.equal(box.innerHTML, "<div><p>one two</p><p>one two</p><p></p></div>");
  assert.equal(socket.asked.filter(([event]) => event === "Subscribe").length, 1);
  assert.equal(renderToString(h(TasksProvider, { client: tasks }, h(Lines))), "<p></p>");
});
