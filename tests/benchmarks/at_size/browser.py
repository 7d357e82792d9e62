"""The dashboard in a real browser: when the first rows are there, what that took, and what it costs
to leave it open."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import frozen
from playwright.sync_api import Browser, CDPSession, Page

from at_size.questions import Asker

__all__ = ["FirstPaint", "LeftOpen", "leave_open", "open_pages"]

MOUNT = "/background-tasks/"
TURNS = 2
PATIENCE = 120_000
SETTLED = 1_000

PAGES = {
    "overview": ("", ".figures .count"),
    "tasks": ("?page=tasks", ".rows .row .name"),
    "failures": ("?page=failures", "main tbody td"),
    "types": ("?page=types", "main tbody th"),
    "processes": ("?page=processes", "main .cards > *"),
    "schedules": ("?page=schedules", "main .fine"),
}

_NOTE_FIRST = """
selector => {
  const isThere = () => /\\w/.test(document.querySelector(selector)?.textContent ?? "");
  const look = () => {
    if (!window.firstAt && isThere())
      requestAnimationFrame(() => (window.firstAt ??= performance.now()));
  };
  const everything = {childList: true, characterData: true, subtree: true};
  new MutationObserver(look).observe(document, everything);
}
"""

_BY_THEN = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const asked = performance.getEntriesByType("resource").filter((it) => it.startTime <= firstAt);
  const taken = asked.filter((it) => it.responseEnd <= firstAt);
  const size = (it) => it.transferSize || it.encodedBodySize;
  return {
    ms: firstAt,
    asked: 1 + asked.length,
    taken: 1 + taken.length,
    bytes: [page, ...taken].reduce((sum, it) => sum + size(it), 0),
  };
}"""


@frozen
class FirstPaint:
    """When the first rows were there, how many requests had been made and answered by then, with
    how many bytes; how long the server's loop was held at most, until the page had all it wants."""

    ms: float
    asked: int
    taken: int
    bytes: int
    held_ms: float
    late_ms: float
    collected_ms: float


@frozen
class LeftOpen:
    """What it costs to leave the list of tasks open: the memory before and after so many updates,
    once all garbage is gone, and the share of the time in which the main thread was busy."""

    updates: int
    before_mb: float
    after_mb: float
    busy_percent: float


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A page in a browser that has nothing of the dashboard yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def open_pages(browser: Browser, port: int, asker: Asker, task: str) -> Mapping[str, FirstPaint]:
    """What each page takes in a browser that has nothing of it yet; the slowest of some turns."""
    pages = {**PAGES, "a task with 2 MB": (f"?task={task}", "main h1")}
    found: dict[str, FirstPaint] = {}
    for name, (query, selector) in pages.items():
        for _ in range(TURNS):
            with opened(browser) as page:
                paint = _first_paint(
                    page, f"http://127.0.0.1:{port}{MOUNT}{query}", selector, asker
                )
            if name not in found or paint.ms > found[name].ms:
                found[name] = paint
    return found


def _first_paint(page: Page, address: str, selector: str, asker: Asker) -> FirstPaint:
    page.add_init_script(f"({_NOTE_FIRST})({selector!r})")
    asker.held()
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => window.firstAt")
    by_then = page.evaluate(_BY_THEN)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLED)
    held: Any = asker.held()
    return FirstPaint(**by_then, **held)


def leave_open(browser: Browser, port: int, asker: Asker, tasks: int, seconds: int) -> LeftOpen:
    """What it costs to leave the list open while so many tasks report five times a second."""
    with opened(browser) as page:
        page.goto(f"http://127.0.0.1:{port}{MOUNT}?page=tasks")
        page.wait_for_selector(".rows .row")
        page.wait_for_load_state("networkidle")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        devtools.send("Network.enable")
        frames: list[int] = []
        devtools.on("Network.webSocketFrameReceived", lambda frame: frames.append(_updates(frame)))
        before = _heap_mb(devtools)
        asker.begin(tasks, seconds + 5)
        page.wait_for_timeout(2_000)
        busy = _busy_seconds(devtools), sum(frames)
        page.wait_for_timeout(seconds * 1_000)
        spent = _busy_seconds(devtools) - busy[0]
        updates = sum(frames) - busy[1]
        page.wait_for_timeout(5_000)
        return LeftOpen(updates, before, _heap_mb(devtools), 100 * spent / seconds)


def _updates(frame: Mapping[str, Mapping[str, str]]) -> int:
    return frame["response"]["payloadData"].count('["TaskUpdated",')


def _busy_seconds(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    found: float = next(item["value"] for item in metrics if item["name"] == "TaskDuration")
    return found


def _heap_mb(devtools: CDPSession) -> float:
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    used: float = devtools.send("Runtime.getHeapUsage")["usedSize"]
    return used / 2**20
