"""The recipes for Vue, Svelte and a web component, as the documentation has them, in Chromium."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from .recipes import build, check_types, files_of, project
from .test_browser import ARGUMENTS, CHROMIUM, NAMES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: install one of {', '.join(NAMES)}"),
]

PATIENCE_MS = 20_000
UNKNOWN = "0193a4e0-0000-7000-8000-000000000000"

INDEX = '<!doctype html><div id="app"></div><script type="module" src="/src/main.js"></script>'

# Each page has two bars of one task, and `show(id)`, which gives them another one; without an id
# there are none.
VUE = {
    "src/main.js": """\
import { createApp, h, ref } from "vue";
import CopyBar from "./CopyBar.vue";
const id = ref(null);
window.show = (wanted) => { id.value = wanted; };
createApp(() => id.value && [1, 2].map((key) => h(CopyBar, { key, id: id.value }))).mount("#app");
""",
    "vite.config.js": """\
import vue from "@vitejs/plugin-vue";
export default { base: "./", plugins: [vue()] };
""",
}

SVELTE = {
    "src/App.svelte": """\
<script>
  import CopyBar from "./CopyBar.svelte";
  let id = $state(null);
  window.show = (wanted) => { id = wanted; };
</script>
{#if id}<CopyBar {id} /><CopyBar {id} />{/if}
""",
    "src/main.js": """\
import { mount } from "svelte";
import App from "./App.svelte";
mount(App, { target: document.getElementById("app") });
""",
    "vite.config.js": """\
import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
export default { base: "./", plugins: [svelte({ preprocess: vitePreprocess() })] };
""",
}

COMPONENT = """\
<!doctype html><div id="app"></div><script type="module" src="task-bar.js"></script>
<script>
  window.show = (id) => {
    const app = document.getElementById("app");
    if (!id) return app.replaceChildren();
    while (app.children.length < 2) app.append(document.createElement("task-bar"));
    for (const bar of app.children) bar.setAttribute("task", id);
  };
</script>
"""


@asynccontextmanager
async def opened(server: Any, folder: Path) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page in ``folder``, served by the application, and the messages that it sent."""
    shutil.copytree(folder, server.pages)
    sent: list[str] = []
    problems: list[str] = []

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("websocket", lambda it: it.on("framesent", lambda frame: sent.append(str(frame))))
        await page.goto(f"{server.url}/built/")
        yield page, sent
        await browser.close()
    assert problems == []


async def watch_cancel_and_go(server: Any, folder: Path) -> None:
    """What each recipe has to do."""
    first, second = await server.gate(), await server.gate()
    async with opened(server, folder) as (page, sent):
        bars = page.locator("progress")
        await page.evaluate("id => show(id)", first)
        await expect(page.get_by_text("GateTask: Running")).to_have_count(2, timeout=PATIENCE_MS)
        assert sum("Subscribe" in frame and first in frame for frame in sent) == 1
        await expect(bars.first).to_have_js_property("value", 50)
        await server.open(first)
        await expect(page.get_by_text("GateTask: Completed")).to_have_count(2, timeout=PATIENCE_MS)
        await page.evaluate("id => show(id)", second)
        await expect(page.get_by_text("GateTask: Running")).to_have_count(2, timeout=PATIENCE_MS)
        await page.get_by_role("button", name="Cancel").first.click()
        await expect(page.get_by_text("GateTask: Cancelled")).to_have_count(2, timeout=PATIENCE_MS)
        await page.evaluate("id => show(id)", UNKNOWN)
        await expect(page.get_by_text("There is no such task.")).to_have_count(2)
        await page.evaluate("show(null)")
        await expect(bars).to_have_count(0)
        async with page.expect_event("console"):  # the frame goes out before this does
            await page.evaluate("setTimeout(() => console.log('later'), 200)")
        assert any("Unsubscribe" in frame for frame in sent), sent


@pytest.mark.parametrize(("recipe", "more"), [("vue.md", VUE), ("svelte.md", SVELTE)])
async def test_a_framework_shows_a_task_from_its_start_to_its_end(
    recipe: str, more: dict[str, str], server: Any, tmp_path: Path
) -> None:
    folder = project(tmp_path / "project", recipe, **more, **{"index.html": INDEX})
    check_types(folder)
    build(folder)
    await watch_cancel_and_go(server, folder / "dist")


async def test_a_web_component_shows_a_task_from_its_start_to_its_end(
    server: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "component"
    folder.mkdir()
    (folder / "task-bar.js").write_text(files_of("web-component.md")["task-bar.js"])
    (folder / "index.html").write_text(COMPONENT)
    await watch_cancel_and_go(server, folder)
