"""The example as a newcomer meets it: a real process, and its page in headless Chromium."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from playwright.sync_api import Browser, Locator, Page, expect

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.browser import launched_browser, needs_browser, note_problems

ROOT = Path(__file__).parents[2]
FINISHED_MS = 40_000


@frozen
class Example:
    """The running application."""

    process: subprocess.Popen[str]
    address: str
    data: Path

    def stop(self) -> str:
        """As Ctrl-C does it; gives back what else was printed."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=20)[0]


def start_example(data: Path, *arguments: str) -> Example:
    command = [sys.executable, "-W", "error", "-m", "examples.media_library", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(data), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = process.stdout.readline()
    found = re.fullmatch(r"Media library: (http://127\.0\.0\.1:\d+)\n", printed)
    if found is None:
        process.kill()
        pytest.fail(f"the example did not start: {printed}{process.communicate()[0]}")
    return Example(process, found[1], data)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    running = start_example(tmp_path / "data")
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched_browser() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser, example: Example) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    note_problems(opened, problems)
    opened.goto(example.address)
    expect(opened.locator("#connection")).to_have_text("Live")
    expect(opened.get_by_label("Folder")).not_to_have_value("")
    yield opened
    opened.close()
    assert [text for text in problems if "422" not in text] == []


def task(page: Page, name: str) -> Locator:
    return page.locator(".task", has=page.locator(".name", has_text=name))


# Notes every value that the bar of the first task takes; done when it has seen three.
WATCH_THE_BAR = """() => new Promise((resolve, reject) => {
    window.seen = [];
    const bar = document.querySelector(".task progress");
    new MutationObserver(() => {
        window.seen.push(bar.value);
        if (new Set(window.seen).size >= 3) resolve();
    }).observe(bar, { attributes: true, attributeFilter: ["value"] });
    setTimeout(() => reject(new Error(`the bar stood still: ${window.seen}`)), 20000);
})"""


@pytest.mark.browser
@needs_browser
def test_the_first_thing_to_see_is_a_scan_that_completes(page: Page) -> None:
    scan = task(page, "Scan sample_library")
    expect(scan.locator(".badge")).to_have_text("Completed", timeout=FINISHED_MS)
    expect(scan.locator(".message")).to_have_text("13 read, 0 unchanged, 1 unreadable")
    expect(page.locator("#library tbody tr")).to_have_count(14)
    row = page.locator("#library tbody tr", has_text="Sawtooth Café")
    expect(row).to_contain_text("The Oscillators")
    expect(row).to_contain_text("0:05")
    expect(page.locator("#library tr[data-broken]")).to_contain_text("no audio found in it")


@pytest.mark.browser
@needs_browser
def test_a_copy_moves_its_bar_and_says_so_when_it_is_cancelled(
    page: Page, example: Example
) -> None:
    page.get_by_role("button", name="Start copy").click()
    copy = task(page, "Copy Three Minutes of A.wav")
    expect(copy.locator(".badge")).to_have_text("Running")
    page.evaluate(WATCH_THE_BAR)
    assert list((example.data / "copies").glob(".*.part"))
    expect(copy.locator(".facts")).to_contain_text("MB/s")
    expect(copy.locator(".facts")).to_contain_text("left")

    copy.get_by_role("button", name="Cancel").click()
    expect(copy.locator(".badge")).to_have_text("Cancelled")
    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert len({value for value in seen if 0 < value < 100}) >= 2
    assert list((example.data / "copies").iterdir()) == []
    # What is announced to those who don't see the page; and the focus isn't lost.
    expect(page.locator("#announcer")).to_have_text("Copy Three Minutes of A.wav: Cancelled")
    expect(copy.get_by_role("button", name="again")).to_be_focused()


@pytest.mark.browser
@needs_browser
def test_a_cancelled_copy_can_be_run_again_to_its_end(page: Page, example: Example) -> None:
    source = example.data / "small.bin"
    source.write_bytes(b"x" * 32_000_000)
    page.get_by_label("From").fill(str(source))
    page.get_by_label("To", exact=True).fill(str(example.data / "copies" / "small.bin"))
    page.get_by_role("button", name="Start copy").click()
    copy = task(page, "Copy small.bin")
    copy.get_by_role("button", name="Cancel").click()
    expect(copy.locator(".badge")).to_have_text("Cancelled")
    copy.get_by_role("button", name="again").click()
    expect(copy.locator(".badge")).to_have_text("Completed", timeout=FINISHED_MS)
    expect(copy.locator("progress")).to_have_js_property("value", 100)
    assert (example.data / "copies" / "small.bin").read_bytes() == source.read_bytes()


@pytest.mark.browser
@needs_browser
def test_what_is_typed_replaces_a_suggestion_that_came_just_before(page: Page) -> None:
    page.get_by_label("From").fill("/somewhere/film.mkv")
    destination = page.get_by_label("To", exact=True)
    page.keyboard.press("Tab")
    expect(destination).to_be_focused()
    expect(destination).to_have_value(re.compile(r"film \(.*\)\.mkv$"))
    page.keyboard.type("/mnt/film.mkv")
    expect(destination).to_have_value("/mnt/film.mkv")


@pytest.mark.browser
@needs_browser
def test_a_form_says_what_is_wrong_beside_its_field(page: Page) -> None:
    page.get_by_label("Folder").fill("/no/such/folder")
    page.get_by_role("button", name="Start scan").click()
    expect(page.locator("#scan .error")).to_have_text("/no/such/folder is not a folder here")
    expect(page.get_by_label("Folder")).to_be_focused()


@pytest.mark.browser
@needs_browser
def test_the_page_fits_every_screen(page: Page) -> None:
    expect(page.locator("#library tbody tr")).to_have_count(14, timeout=FINISHED_MS)
    for width in (1280, 768, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_ctrl_c_stops_it_in_good_order(example: Example) -> None:
    with urllib.request.urlopen(example.address, timeout=20) as answer:
        assert answer.status == 200
    printed = example.stop()
    assert example.process.returncode == 0
    assert printed.endswith("Stopped.\n")
    assert "Traceback" not in printed


def test_a_copy_that_ctrl_c_cut_off_begins_again_at_the_next_start(
    example: Example, tmp_path: Path
) -> None:
    source, copy = tmp_path / "long.bin", tmp_path / "copy.bin"
    # Three seconds at the demonstration's speed, of which a stop waits for one.
    source.write_bytes(b"x" * 12_000_000)
    form = json.dumps({"source": str(source), "destination": str(copy)}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{example.address}/copies", form, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        task_id = json.load(answer)["id"]
    wait_for(example, task_id, lambda task: task["progress"] > 0)
    example.stop()
    assert not copy.exists()

    again = start_example(example.data)
    try:
        done = wait_for(again, task_id, lambda task: task["status"] == "Completed")
    finally:
        again.process.kill()
        again.process.communicate()
    assert done["attempt"] == 2
    assert copy.read_bytes() == source.read_bytes()
    assert list(tmp_path.glob(".*.part")) == []


def wait_for(
    example: Example, task_id: str, is_so: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask until the task is as wanted; at most 20 seconds."""
    until = time.monotonic() + 20
    while True:
        address = f"{example.address}/background-tasks/api/tasks/{task_id}"
        with urllib.request.urlopen(address, timeout=20) as answer:
            task: dict[str, Any] = json.load(answer)
        if is_so(task):
            return task
        if time.monotonic() > until:
            pytest.fail(f"it stayed like this: {task}")
        time.sleep(0.05)


def test_a_taken_port_is_said_in_one_line(example: Example, tmp_path: Path) -> None:
    port = example.address.rpartition(":")[2]
    again = subprocess.run(
        [sys.executable, "-m", "examples.media_library", "--port", port],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert again.returncode == 1
    assert again.stderr.startswith(f"Port {port} cannot be used: ")
