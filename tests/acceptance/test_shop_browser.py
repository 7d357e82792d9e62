"""The example shop as a newcomer meets it: one command, and three people in headless Chromium."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.browser import launched_browser, needs_browser, note_problems

pytestmark = [pytest.mark.browser, needs_browser]

ROOT = Path(__file__).parents[2]
DONE_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched_browser() as launched:
        yield launched


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-W", "error", "-m", "examples.shop", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--pause", "0.05", "--data", str(tmp_path / "data")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    found = re.fullmatch(r"Shop: (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
    assert found, "the shop did not start"
    try:
        yield found[1]
    finally:
        process.kill()
        process.communicate()


def logged_in(browser: Browser, address: str, name: str, problems: list[str]) -> Page:
    """A page of somebody's own, with their own cookies."""
    page = browser.new_context().new_page()
    note_problems(page, problems)
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_have_text("live", timeout=DONE_MS)
    return page


def test_an_export_is_watched_and_downloaded(browser: Browser, address: str) -> None:
    problems: list[str] = []
    page = logged_in(browser, address, "ada", problems)
    exports = page.get_by_role("region", name="Exports")
    exports.get_by_role("button", name="Export my orders").dblclick()
    expect(exports.get_by_role("progressbar")).to_be_visible(timeout=DONE_MS)
    link = exports.get_by_role("link", name=re.compile(r"Download \(\d+ rows\)"))
    expect(link).to_have_count(1, timeout=DONE_MS)  # two clicks, one export
    expect(exports.get_by_role("log")).to_have_text(re.compile("Orders of .*: Completed"))
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_text("utf-8").startswith("order,date,product,price")
    problems = [text for text in problems if "401" not in text]  # who is asking, before the login
    assert problems == []


def test_everybody_sees_what_is_theirs(browser: Browser, address: str) -> None:
    problems: list[str] = []
    ada, bob, grace = (
        logged_in(browser, address, name, problems) for name in ("ada", "bob", "grace")
    )
    ada.get_by_role("button", name="Mail my invoices").click()
    mailed = ada.get_by_role("region", name="Invoices")
    expect(mailed).to_contain_text("40 of 40 mailed", timeout=DONE_MS)
    expect(bob.get_by_role("region", name="Invoices")).not_to_contain_text("mailed")
    tasks = grace.get_by_role("region", name="Tasks")
    expect(tasks.get_by_text("ada · Invoice").first).to_be_visible(timeout=DONE_MS)
    grace.get_by_role("button", name="Close yesterday now").click()
    sales = grace.get_by_role("region", name="Sales")
    expect(sales.get_by_role("row")).to_have_count(1, timeout=DONE_MS)
    ada.get_by_role("button", name="Log out").click()
    expect(ada.get_by_role("button", name="Log in")).to_be_visible()
    assert [text for text in problems if "401" not in text] == []
