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
const anything = connect();
anything.watch("id", (task) => { task?.payload satisfies unknown; });
stop();
"""


def test_the_types_hold_in_a_strict_project(client_package: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(client_package.parent, target_is_directory=True)
    (tmp_path / "use.ts").write_text(USE)
    options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom"]
    for module in ("bundler", "nodenext"):
        kind = "esnext" if module == "bundler" else module
        (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
        done = tsc(tmp_path, *options, "--module", kind, "--moduleResolution", module, "use.ts")
        assert done.returncode == 0, done.stdout


def test_the_client_on_a_socket_of_our_own(client_package: Path) -> None:
    tests = sorted(str(path) for path in Path(__file__).parent.glob("*.test.mjs"))
    done = run(
        client_package, "node", "--test", *tests, BGTASKS_CLIENT=str(client_package / "dist")
    )
    assert done.returncode == 0, done.stdout
