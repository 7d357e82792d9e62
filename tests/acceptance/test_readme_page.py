"""The applications of the readme and the quick start as a newcomer runs them, in Chromium."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.browser import launched_browser, needs_browser, note_problems

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.browser, needs_browser]


@contextmanager
def served(page: str, folder: Path) -> Iterator[str]:
    """Where the first Python block of ``page`` is served, under the name that it has there."""
    text = (ROOT / page).read_text("utf-8")
    block = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    (folder / "app.py").write_text(block[1], "utf-8")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", "--ws-max-size", "65536"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        told = []
        for line in server.stderr:
            told.append(line)
            if found := re.search(r"running on (http://[^ ]+)", line):
                break
        else:
            pytest.fail(f"it did not start: {told}")
        yield found[1]
        server.kill()


def test_the_bar_of_the_readme_moves_to_its_end(tmp_path: Path) -> None:
    problems: list[str] = []
    with served("README.md", tmp_path) as address, launched_browser() as browser:
        page = browser.new_page()
        note_problems(page, problems)
        page.goto(address)
        page.get_by_role("button", name="Count to 100").click()
        expect(page.locator("output")).to_contain_text(re.compile("Running, counted to [0-9]+"))
        expect(page.locator("output")).to_have_text("Completed, counted to 100", timeout=20_000)
        assert page.locator("progress").evaluate("bar => bar.value") == 100
    # A browser asks for an icon, which the page does not have.
    assert [text for text in problems if "404" not in text] == []


def test_a_count_of_the_quick_start_is_seen_and_cancelled(tmp_path: Path) -> None:
    problems: list[str] = []
    with served("docs/quick-start.md", tmp_path) as address, launched_browser() as browser:
        page = browser.new_page()
        note_problems(page, problems)
        page.goto(address)
        for _ in range(2):
            page.get_by_role("button", name="Count to 100").click()
        rows = page.locator("#tasks li")
        expect(rows).to_have_count(2)
        first, second = rows.nth(1), rows.nth(0)
        expect(second).to_contain_text(re.compile("CountTask: Running, counted to [0-9]+"))
        second.get_by_role("button", name="Cancel").click()
        expect(second).to_contain_text("CountTask: Cancelled")
        expect(second.get_by_role("button")).to_be_hidden()
        expect(first).to_contain_text("Completed, counted to 100", timeout=20_000)
        assert first.locator("progress").evaluate("bar => bar.value") == 100
        page.reload()
        expect(rows).to_have_count(2)
    # A browser asks for an icon, which the page does not have.
    assert [text for text in problems if "404" not in text] == []
