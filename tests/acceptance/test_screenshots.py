"""The pictures in the documentation, taken of the example at work.

``BGTASKS_SCREENSHOTS=docs/images pytest tests/acceptance/test_screenshots.py`` takes them anew.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.browser import launched_browser, needs_browser
from tests.acceptance.operator_answers import answer_instead, answers_of_an_hour
from tests.acceptance.test_media_library_browser import (
    FINISHED_MS,
    ROOT,
    Example,
    start_example,
)

PNG = b"\x89PNG\r\n\x1a\n"
LEAST_BYTES, MOST_BYTES = 15_000, 150_000
COPY = "Copy Three Minutes of A.wav"
SCAN = "Scan sample_library"

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go."""
    wanted = os.environ.get("BGTASKS_SCREENSHOTS")
    found = ROOT / wanted if wanted else tmp_path / "screenshots"
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    running = start_example(tmp_path / "media-library-data")
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with launched_browser() as launched:
        yield launched


@pytest.fixture
def home(browser: Browser, example: Example) -> Page:
    """The page of the example, with a scan that has ended, one cancelled copy, one running."""
    page = browser.new_page(
        color_scheme="light", viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    page.goto(example.address)
    expect(task(page, SCAN, "Completed")).to_be_visible(timeout=FINISHED_MS)
    start = page.get_by_role("button", name="Start copy")
    start.click()
    task(page, COPY, "Running").get_by_role("button", name="Cancel").click()
    expect(task(page, COPY, "Cancelled")).to_be_visible()
    start.click()
    expect(task(page, COPY, "Running")).to_contain_text("MB/s")
    return page


def task(page: Page, name: str, status: str) -> Locator:
    named = page.locator(".task", has=page.locator(".name", has_text=name))
    return named.filter(has=page.locator(".badge", has_text=status))


def row(dashboard: Page, name: str, status: str) -> Locator:
    named = dashboard.locator(".rows .row", has=dashboard.get_by_role("link", name=name))
    return named.filter(has_text=status)


def take(page: Page, path: Path, width: int, height: int) -> None:
    """Take the picture, and see that it is one."""
    page.screenshot(path=path, animations="disabled")
    picture = path.read_bytes()
    assert picture.startswith(PNG)
    # The first chunk of every PNG begins with these two.
    assert [int.from_bytes(picture[at : at + 4]) for at in (16, 20)] == [width, height]
    assert LEAST_BYTES < len(picture) < MOST_BYTES


def test_the_example(home: Page, folder: Path) -> None:
    # Whoever looks at the picture has other folders than this machine.
    home.get_by_label("Folder").fill("/home/ada/Music")
    home.get_by_label("From").fill("/home/ada/Videos/Holidays.mkv")
    home.get_by_label("To", exact=True).fill("/mnt/backup/Holidays.mkv")
    home.evaluate("document.activeElement.blur()")
    expect(task(home, COPY, "Running").locator(".percent")).to_have_text(
        re.compile("[2-9][0-9] ?%")
    )
    take(home, folder / "example.png", 1280, 800)
    expect(task(home, COPY, "Running")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "theme", "width", "height"),
    [("dashboard", "light", 1280, 800), ("dashboard-phone", "dark", 390, 1180)],
)
def test_the_dashboard(
    browser: Browser,
    home: Page,
    example: Example,
    folder: Path,
    name: str,
    theme: Literal["light", "dark"],
    width: int,
    height: int,
) -> None:
    dashboard = browser.new_page(
        color_scheme=theme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    dashboard.goto(f"{example.address}/background-tasks/?page=tasks")
    expect(dashboard.locator(".connection")).to_have_text("Live")
    running = row(dashboard, COPY, "Running")
    expect(running.locator(".percent")).to_have_text(re.compile("[2-9][0-9] ?%"))
    expect(dashboard.locator(".tabs .Running .count")).to_have_text("1")
    expect(running).to_be_in_viewport()
    take(dashboard, folder / f"{name}.png", width, height)
    expect(running).to_be_visible()


def test_the_overview(browser: Browser, example: Example, folder: Path) -> None:
    """With numbers that a test gives: the example would have to run for an hour."""
    page = browser.new_page(
        color_scheme="light", viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    answer_instead(page, answers_of_an_hour("0193a4e0-0000-7000-8000-000000000000"))
    page.goto(f"{example.address}/background-tasks/")
    expect(page.locator(".chart")).to_have_count(4)
    expect(page.get_by_role("region", name="Failures in the range")).to_contain_text("OSError")
    take(page, folder / "dashboard-overview.png", 1280, 800)
