"""The application of docs/how-to/fastapi-react.md: what its reader has at the end, in a browser."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.servers.ports import free_port

from .node import tsc
from .recipes import HOW_TO, build, project
from .test_browser import ARGUMENTS, CHROMIUM, NAMES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: install one of {', '.join(NAMES)}"),
]

PAGE = "fastapi-react.md"
INDEX = '<!doctype html><div id="root"></div><script type="module" src="/src/main.tsx"></script>'
STRICT = [
    *("--strict", "--noEmit", "--skipLibCheck", "--verbatimModuleSyntax", "--jsx", "react-jsx"),
    *("--target", "es2023", "--lib", "es2023,dom", "--types", "react"),
    *("--module", "esnext", "--moduleResolution", "bundler", "--ignoreConfig"),
]
PATIENCE = 20.0


def application_of(page: str) -> str:
    """The file ``app.py`` that the page shows."""
    found = re.search(r"^`app\.py`:\n\n```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The folder of somebody who has followed the page."""
    (tmp_path / "app.py").write_text(application_of((HOW_TO / PAGE).read_text("utf-8")))
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    types = web / "src" / "tasks.ts"
    command = ("-m", "bgtasks", "types", "app:Application", "--output", str(types))
    subprocess.run([sys.executable, *command], cwd=tmp_path, check=True, timeout=60)
    files = {"index.html": INDEX, "src/tasks.ts": types.read_text("utf-8")}
    # The plugin of the page's own configuration reloads modules, and builds nothing else.
    project(web, PAGE, **files, **{"vite.config.ts": "export default {};"})
    checked = tsc(web, *STRICT, "src/main.tsx")
    assert checked.returncode == 0, checked.stdout
    build(web)
    return tmp_path


@pytest.fixture
async def url(application: Path) -> AsyncIterator[str]:
    """Where it runs."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)),
        *("--ws-max-size", "65536", "--log-level", "warning"),
        cwd=application,
    )
    url = f"http://localhost:{port}"
    async with httpx.AsyncClient() as http, asyncio.timeout(PATIENCE):
        while True:
            try:
                await http.get(url)
                break
            except httpx.TransportError:
                await asyncio.sleep(0.02)
    yield url
    process.kill()
    await process.wait()


async def log_in(browser: Any, url: str, name: str, password: str) -> Page:
    context = await browser.new_context()
    page: Page = await context.new_page()
    await page.goto(url)
    await page.get_by_placeholder("Name").fill(name)
    await page.get_by_placeholder("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
    return page


async def test_each_user_sees_the_bars_of_their_own_exports(url: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        alice = await log_in(browser, url, "alice", "wonderland")
        bob = await log_in(browser, url, "bob", "builder")
        start = alice.get_by_role("button", name="Export 2026")
        await start.click()
        await expect(alice.get_by_text("Export of 2026: Running")).to_be_visible()
        await expect(alice.get_by_text("of 60")).to_be_visible()
        await bob.get_by_role("button", name="Export 2026").click()
        await expect(bob.get_by_role("listitem")).to_have_count(1)
        await expect(alice.get_by_role("listitem")).to_have_count(1)
        await alice.get_by_role("button", name="Cancel").click()
        await expect(alice.locator("output")).to_have_text("Export of 2026: Cancelled")
        await expect(bob.get_by_text("Export of 2026: Running")).to_be_visible()
        # In one tab: nothing of the one user is left for the other.
        await bob.get_by_role("button", name="Log out").click()
        await bob.get_by_placeholder("Name").fill("alice")
        await bob.get_by_placeholder("Password").fill("wonderland")
        await bob.get_by_role("button", name="Log in").click()
        await expect(bob.get_by_role("listitem")).to_contain_text(["Export of 2026: Cancelled"])
        await browser.close()
