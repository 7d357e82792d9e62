"""The built client keeps what its types promise, on a socket that does what a test says."""

import json
from pathlib import Path

import pytest

from .node import run, tsc

pytestmark = pytest.mark.node

USE = """\
import { connect, isFinal, type Task } from "bgtasks-client";

interface CopyProgress { copiedBytes: number; currentPath: string | null }
interface BackgroundTasks { CopyOperationTask: CopyProgress; ScanTask: null }

const tasks = connect<BackgroundTasks>({ url: "/elsewhere", token: async () => "t" });
const stop: () => void = tasks.watchAll({ types: ["CopyOperationTask"] }, (copies) => {
  const first: CopyProgress | null | undefined = copies[0]?.payload;
  console.log(first?.copiedBytes.toFixed(1));
});
tasks.watchAll({ statuses: ["Running"], owner: null }, (all) => {
  for (const task of all) {
    if (task.type === "CopyOperationTask") console.log(task.payload?.copiedBytes.toFixed(1));
    else task.payload satisfies null;
    // @ts-expect-error there are two types of tasks
    if (task.type === "Other") throw new Error();
  }
});
tasks.watch<"CopyOperationTask">("id", (task) => task?.payload?.currentPath?.length);
// @ts-expect-error there is no such type
tasks.watchAll({ types: ["Other"] }, () => {});
export async function follow(id: string): Promise<boolean> {
  for await (const task of tasks.watch(id)) if (isFinal(task)) return task.status === "Completed";
  const cancelled: Task = await tasks.cancel(id);
  return cancelled.cancelRequested;
}
interface FolderReport { files: number }
interface WithResult<P, R> { readonly __payload: P; readonly __result: R }
interface Reporting { ImportTask: WithResult<CopyProgress, FolderReport> }
connect<Reporting>().watch("id", (task) => {
  if (task?.status === "Completed") {
    const files: number = task.result.files;
    console.log(files, task.payload?.copiedBytes);
  } else {
    task?.result satisfies null | undefined;
    // @ts-expect-error there is no result yet
    task?.result?.files;
  }
});
tasks.watch("id", (task) => { task?.result satisfies null | undefined; });
const anything = connect();
anything.watch("id", (task) => { task?.payload satisfies unknown; });
tasks.watchLogs("id", (lines, all) => {
  for (const line of lines) console.log(line.number, line.level === "warning", line.logger?.length);
  // @ts-expect-error all lines are there already
  all.push(lines[0]);
});
stop();
"""


REACT = """\
import type { ReactNode } from "react";
import { createHooks } from "bgtasks-client/react";
import { connectionStore, taskStore, type Readable } from "bgtasks-client/store";
import { connect, type Task } from "bgtasks-client";

interface CopyProgress { copiedBytes: number; currentPath: string | null }
interface BackgroundTasks { CopyOperationTask: CopyProgress; ScanTask: null }

const hooks = createHooks<BackgroundTasks>();
const { TasksProvider, useTask, useTaskHistory, useTaskLog, useTasks } = hooks;
const { useConnection, useTaskClient } = hooks;

export function Bar({ id }: { id: string | null }): ReactNode {
  const { task, cancel, retry } = useTask("CopyOperationTask", id, {
    onEnd: (ended) => console.log(ended.payload?.copiedBytes.toFixed(1), ended.status),
  });
  // @ts-expect-error there is no such type
  useTask("Other", id);
  const state: "connecting" | "connected" | "disconnected" | "refused" = useConnection().state;
  const running = useTasks({ statuses: ["Running"], types: ["ScanTask"] });
  running?.[0]?.payload satisfies null | undefined;
  const { tasks: old, more } = useTaskHistory({ types: ["CopyOperationTask"] });
  old?.[0]?.payload?.copiedBytes satisfies number | undefined;
  more satisfies () => Promise<void>;
  useTaskClient().reconnect();
  const last: string | undefined = useTaskLog(id).at(-1)?.message;
  if (last !== undefined) return last;
  if (task === undefined) return state;
  if (task === null) return "gone";
  return (
    <button onClick={() => void (task.status === "Failed" ? retry() : cancel())}>
      {task.payload?.currentPath ?? task.progress}
    </button>
  );
}

interface FolderReport { files: number }
interface WithResult<P, R> { readonly __payload: P; readonly __result: R }
interface Reporting { ImportTask: WithResult<CopyProgress, FolderReport>; ScanTask: null }
const reporting = createHooks<Reporting>();

export function Report({ id }: { id: string }): ReactNode {
  const { task } = reporting.useTask("ImportTask", id, {
    // @ts-expect-error it may have failed, and then there is no result
    onEnd: (ended) => console.log(ended.result.files),
  });
  for (const one of reporting.useTasks() ?? []) {
    if (one.type === "ScanTask") one.payload satisfies null;
    else if (one.status === "Completed") one.result.files satisfies number;
    else one.payload?.copiedBytes satisfies number | undefined;
  }
  return task?.status === "Completed" ? task.result.files : null;
}

export const withOptions = (
  <TasksProvider options={{ url: "/tasks" }}><Bar id={null} /></TasksProvider>
);
const client = connect<BackgroundTasks>();
export const withClient = <TasksProvider client={client}><Bar id="x" /></TasksProvider>;
// @ts-expect-error one or the other
export const withBoth = <TasksProvider client={client} options={{}} />;

const copy: Readable<Task<CopyProgress, "CopyOperationTask"> | null | undefined> =
  taskStore<BackgroundTasks, "CopyOperationTask">(client, "x");
export const stop: () => void = copy.subscribe(() => console.log(copy.get()?.payload?.copiedBytes));
connectionStore(client).get().state satisfies string;
"""


@pytest.mark.parametrize(("name", "text"), [("use.ts", USE), ("bar.tsx", REACT)])
def test_the_types_hold_in_a_strict_project(
    name: str, text: str, client_package: Path, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(client_package.parent, target_is_directory=True)
    (tmp_path / name).write_text(text)
    options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom"]
    options += ["--jsx", "react-jsx", "--types", "react"]
    for module in ("bundler", "nodenext"):
        kind = "esnext" if module == "bundler" else module
        (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
        done = tsc(tmp_path, *options, "--module", kind, "--moduleResolution", module, name)
        assert done.returncode == 0, done.stdout


def test_the_client_on_a_socket_of_our_own(client_package: Path) -> None:
    tests = sorted(str(path) for path in Path(__file__).parent.glob("*.test.mjs"))
    done = run(
        client_package, "node", "--test", *tests, BGTASKS_CLIENT=str(client_package / "dist")
    )
    assert done.returncode == 0, done.stdout
