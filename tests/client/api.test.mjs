import assert from "node:assert/strict";
import { test } from "node:test";

import { A, client, task } from "./fake.mjs";

/** A client whose requests over HTTP are answered with `answers`, one after the other. */
function asking(t, answers, options) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, { method, headers, body: sent }) => {
    asked.push([method, String(url).replace("http://server/background-tasks/", ""), headers, sent]);
    const { http: status = 200, ...body } = answers.shift();
    return Response.json(body, { status });
  });
  return { asked, api: client(options).tasks.api };
}

const called = (asked) => asked.map(([method, path]) => `${method} ${path}`);

test("each method has its route", async (t) => {
  const page = { items: [task()], nextCursor: "next" };
  const failed = { attempt: 1, kind: "failed", errorMessage: "no", traceback: null, endedAt: "" };
  const may = { cancel: true, retry: false };
  const { asked, api } = asking(t, [page, page, task(), task(), task(), { items: [failed] }, may]);
  assert.deepEqual(await api.list(), page);
  const filter = { types: ["Copy", "Scan"], statuses: ["Failed"], owner: null };
  await api.list({ ...filter, limit: 5, cursor: "a+b" });
  assert.deepEqual(await api.find(A.toUpperCase()), task());
  assert.deepEqual(await api.cancel(A), task());
  assert.deepEqual(await api.retry(A), task());
  assert.deepEqual(await api.attempts(A), [failed]);
  assert.deepEqual(await api.permissions(A), may);
  assert.deepEqual(called(asked), [
    "GET api/tasks?",
    "GET api/tasks?type=Copy&type=Scan&status=Failed&owner=&limit=5&cursor=a%2Bb",
    `GET api/tasks/${A}`,
    `DELETE api/tasks/${A}`,
    `POST api/tasks/${A}/retry`,
    `GET api/tasks/${A}/attempts`,
    `GET api/tasks/${A}/permissions`,
  ]);
});

test("a list says what it looks for, and what its items shall have", async (t) => {
  const page = { items: [task()], nextCursor: null, total: 1 };
  const { asked, api } = asking(t, [page, task()]);
  const found = { q: "größe", arguments: { "options.size": 3, dry: true, note: null, share: "a&b" } };
  assert.deepEqual(await api.list({ ...found, include: ["payload", "arguments"], count: true, sort: "-ended" }), page);
  await api.runAgain(A, { size: 5 });
  assert.deepEqual(called(asked), [
    "GET api/tasks?q=gr%C3%B6%C3%9Fe&args.options.size=3&args.dry=true&args.note=null&args.share=a%26b" +
      "&include=payload%2Carguments&count=true&sort=-ended",
    `POST api/tasks/${A}/run-again`,
  ]);
  assert.deepEqual(JSON.parse(asked[1][3]), { arguments: { size: 5 } });
});

test("types are listed, paused with a reason, and resumed", async (t) => {
  const copy = { name: "Copy", pausedAt: null, pauseReason: null, waiting: 2, running: 1 };
  const { asked, api } = asking(t, [{ items: [copy] }, copy, copy, copy]);
  assert.deepEqual(await api.types(), [copy]);
  assert.deepEqual(await api.pause("Copy", "down & out"), copy);
  assert.deepEqual(await api.pause("a/b"), copy);
  assert.deepEqual(await api.resume("Copy"), copy);
  assert.deepEqual(called(asked), [
    "GET api/types",
    "POST api/types/Copy/pause?reason=down+%26+out",
    "POST api/types/a%2Fb/pause",
    "POST api/types/Copy/resume",
  ]);
});

test("schedules are listed page by page, run, paused and resumed", async (t) => {
  const nightly = { name: "nightly", paused: false, next: [], last: [] };
  const page = { items: [nightly], nextCursor: "nightly" };
  const { asked, api } = asking(t, [page, page, nightly, nightly, nightly]);
  assert.deepEqual(await api.schedules(), page);
  await api.schedules({ limit: 1, cursor: "nightly" });
  assert.deepEqual(await api.runSchedule("nightly"), nightly);
  assert.deepEqual(await api.pauseSchedule("a/b"), nightly);
  assert.deepEqual(await api.resumeSchedule("nightly"), nightly);
  assert.deepEqual(called(asked), [
    "GET api/schedules?",
    "GET api/schedules?limit=1&cursor=nightly",
    "POST api/schedules/nightly/run",
    "POST api/schedules/a%2Fb/pause",
    "POST api/schedules/nightly/resume",
  ]);
});

test("many tasks are changed by a filter that is sent as a body", async (t) => {
  const match = { matched: 3, types: { Copy: 3 }, owners: { ann: 3 } };
  const job = { id: A, matched: 3 };
  const running = { ...job, status: "Running", done: 1 };
  const over = { ...job, status: "Completed", done: 2, notAllowed: 1 };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const missing = { http: 404, detail: "no such job" };
  const { asked, api } = asking(t, [match, job, running, missing, over, task()]);
  const filter = { types: ["Copy"], owner: null, created: { after: new Date(0) } };
  assert.deepEqual(await api.matching("retry", filter), match);
  const told = [];
  const asOf = new Date(7);
  const result = api.bulk("retry", filter, 3, { asOf, onProgress: (now) => told.push(now.done) });
  for (const number of [3, 4, 5]) {
    while (asked.length < number) await new Promise(setImmediate);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    t.mock.timers.tick(500);
  }
  assert.deepEqual(await result, over);
  assert.deepEqual(told, [1, 2]);
  const looks = Array(3).fill(`GET api/tasks/bulk/${A}`);
  const begun = ["POST api/tasks/bulk?dryRun=true", "POST api/tasks/bulk"];
  assert.deepEqual(called(asked), [...begun, ...looks]);
  const written = { type: ["Copy"], owner: [""], created: ["1970-01-01T00:00:00.000Z.."] };
  const bodies = asked.slice(0, 2).map(([, , , body]) => JSON.parse(body));
  assert.deepEqual(bodies, [
    { action: "retry", filter: written },
    { action: "retry", filter: written, expected: 3, asOf: "1970-01-01T00:00:00.007Z" },
  ]);
  assert.equal(asked[1][2]["Content-Type"], "application/json");
  await api.find(A);
  assert.deepEqual([asked[5][3], asked[5][2]["Content-Type"]], [undefined, undefined]);
});

test("a bulk job that is aborted is ended", async (t) => {
  const over = { id: A, matched: 3, status: "Cancelled", done: 1 };
  const { asked, api } = asking(t, [{ id: A, matched: 3 }, over]);
  assert.deepEqual(await api.bulk("cancel", {}, 3, { signal: AbortSignal.abort() }), over);
  assert.deepEqual(called(asked), ["POST api/tasks/bulk", `DELETE api/tasks/bulk/${A}`]);
});

test("a task runs again, and is removed", async (t) => {
  const { asked, api } = asking(t, [task(), task()]);
  assert.deepEqual(await api.runAgain(A), task());
  assert.deepEqual(await api.remove(A), task());
  assert.deepEqual(called(asked), [`POST api/tasks/${A}/run-again`, `POST api/tasks/${A}/delete`]);
});

test("a refusal has the server's reason and status", async (t) => {
  const gone = { http: 404, detail: "there is no task" };
  const { api } = asking(t, [gone, gone, { http: 403, title: "Forbidden" }, { http: 502 }]);
  assert.equal(await api.find(A), null);
  await assert.rejects(api.cancel(A), { name: "TaskError", message: gone.detail, status: 404 });
  await assert.rejects(api.list(), { name: "TaskError", message: "Forbidden", status: 403 });
  await assert.rejects(api.find(A), { name: "TaskError", message: "the server answered 502" });
  await assert.rejects(api.retry("7"), { name: "TypeError", message: /accepted: a UUID/ });
});

test("a server that cannot be reached is no refusal", async (t) => {
  const { api } = asking(t, []);
  await assert.rejects(api.list(), { name: "DisconnectedError", message: /cannot be reached/ });
});

test("the token goes with each request, and is asked for each time", async (t) => {
  const tokens = ["first", "second"];
  const token = async () => {
    if (tokens.length === 0) throw new Error("logged out");
    return tokens.shift();
  };
  const { asked, api } = asking(t, [task(), task()], { token });
  await api.find(A);
  await api.find(A);
  await assert.rejects(api.find(A), { name: "RefusedError", message: /logged out/ });
  const sent = asked.map(([, , headers]) => headers.Authorization);
  assert.deepEqual(sent, ["Bearer first", "Bearer second"]);
});

test("without a token nothing is said of one", async (t) => {
  const { asked, api } = asking(t, [task()]);
  await api.find(A);
  assert.deepEqual(asked[0][2], { Accept: "application/json" });
});
