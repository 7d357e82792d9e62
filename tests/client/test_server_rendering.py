"""A React application that Vite builds for a server and for the browser: rendered in Node, where
nothing is opened, and made live in Chromium."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

from .node import run
from .recipes import build, project
from .test_browser import ARGUMENTS, CHROMIUM, NAMES

pytestmark = pytest.mark.node

UNKNOWN = "0193a4e0-0000-7000-8000-000000000000"

APP = """\
import { connect } from "bgtasks-client";
import { createHooks } from "bgtasks-client/react";
import { useState } from "react";
import type { BackgroundTasks } from "./tasks";

connect<BackgroundTasks>(); // at module level, as a user may write it
const { TasksProvider, useTask, useTasks, useConnection } = createHooks<BackgroundTasks>();

function Bars({ id }: { id: string }) {
  const { task } = useTask("CopyTask", id);
  const all = useTasks();
  const [clicks, setClicks] = useState(0);
  return (
    <>
      <p id="task">{task === undefined ? "not known" : task === null ? "none" : task.status}</p>
      <p id="all">{all === undefined ? "not known" : all.length}</p>
      <p id="state">{useConnection().state}</p>
      <button onClick={() => setClicks(clicks + 1)}>{clicks}</button>
    </>
  );
}

export const App = ({ id }: { id: string }) => <TasksProvider><Bars id={id} /></TasksProvider>;
"""

SERVER = """\
import { renderToString } from "react-dom/server";
import { App } from "./app";
process.stdout.write(renderToString(<App id={process.argv[2]!} />));
"""

CLIENT = """\
import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { App } from "./app";
const root = document.getElementById("root")!;
hydrateRoot(root, <StrictMode><App id={root.dataset["task"]!} /></StrictMode>);
"""

INDEX = """\
<!doctype html><div id="root" data-task="TASK">CONTENT</div>
<script type="module" src="/src/client.tsx"></script>
"""

CONFIG = 'export default { base: "./", ssr: { noExternal: BUNDLED } };\n'

FILES = {
    "src/app.tsx": APP,
    "src/server.tsx": SERVER,
    "src/client.tsx": CLIENT,
    "index.html": INDEX,
}


def built(folder: Path, *, bundled: bool) -> Path:
    """The application, built for both. ``bundled``: its packages are in what the server runs."""
    config = CONFIG.replace("BUNDLED", "true" if bundled else "[]")
    made = project(folder, "react.md", **FILES, **{"vite.config.js": config})
    build(made, "--outDir", "server", "--ssr", "src/server.tsx")
    return made


def rendered(folder: Path, task_id: str) -> str:
    """What a server writes. That Node ends by itself shows that nothing was opened."""
    done = run(folder, "node", "server/server.js", task_id, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("bundled", [False, True])
def test_a_server_renders_what_is_not_known_and_opens_nothing(
    bundled: bool, tmp_path: Path
) -> None:
    text = rendered(
        built(tmp_path / "app", bundled=bundled), "0193a4e0-0000-7000-8000-000000000000"
    )
    assert '<p id="task">not known</p><p id="all">not known</p>' in text
    assert '<p id="state">connecting</p>' in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: install one of {', '.join(NAMES)}")
async def test_a_rendered_page_becomes_live_where_it_is(server: Any, tmp_path: Path) -> None:
    task_id = await server.gate()
    folder = built(tmp_path / "app", bundled=False)
    content = rendered(folder, task_id)
    build(folder, "--outDir", str(server.pages))
    index = server.pages / "index.html"
    page_text = index.read_text().replace("TASK", task_id).replace("CONTENT", content)
    index.write_text(page_text)
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda it: problems.append(it.text) if it.type == "error" else None)
        await page.goto(f"{server.url}/built/")
        await expect(page.locator("#task")).to_have_text("Running", timeout=20_000)
        await expect(page.locator("#all")).to_have_text("1")
        await expect(page.locator("#state")).to_have_text("connected")
        await page.get_by_role("button").click()
        await expect(page.get_by_role("button")).to_have_text("1")
        await server.open(task_id)
        await expect(page.locator("#task")).to_have_text("Completed", timeout=20_000)
        await browser.close()
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []
