"""The pictures of the dashboard in the documentation: ``make pictures`` takes them anew.

Each is a sheet of all pages, in one theme or on one kind of screen. A real server has had a night
(``tests/hosts/night_host.py``); nothing in the pictures is made up. Look at them before they are
committed.
"""

import base64
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from PIL import Image
from playwright.sync_api import Browser, Page, expect

sys.path.append(str(Path(__file__).parents[1]))

from tests.acceptance.browser import launched_browser
from tests.hosts.dashboard_host import DashboardHost
from tests.hosts.night_host import NightHost

IMAGES = Path(__file__).parents[1] / "docs" / "images"
COLOURS = 256
"""A page has few; so a picture is a third as large."""


@frozen
class Sheet:
    """How the pages are shown, and how many of them stand in a row of the sheet."""

    name: str
    width: int
    height: int
    shown: int
    """How wide each is on the sheet, in pixels."""
    columns: int
    options: Mapping[str, Any] = {}


LIGHT = {"color_scheme": "light", "reduced_motion": "reduce"}
SHEETS = (
    Sheet("light", 1280, 860, 800, 2, LIGHT),
    Sheet("dark", 1280, 860, 800, 2, {**LIGHT, "color_scheme": "dark"}),
    Sheet("phone", 360, 740, 300, 4, LIGHT),
    Sheet("4k", 3840, 2160, 1280, 1, LIGHT),
    Sheet("forced-colours", 1280, 860, 800, 2, {**LIGHT, "forced_colors": "active"}),
)
EMPTY = Sheet("empty", 1280, 620, 640, 2, LIGHT)
OFFLINE = Sheet("offline", 1280, 620, 640, 2, LIGHT)


class Photographer:
    """Takes pictures of one page after another, and puts them on a sheet."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder

    @contextmanager
    def page(self, sheet: Sheet) -> Iterator[Page]:
        context = self._browser.new_context(
            viewport={"width": sheet.width, "height": sheet.height},
            timezone_id="UTC",
            **sheet.options,
        )
        try:
            yield context.new_page()
        finally:
            context.close()

    def put_together(self, sheet: Sheet, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Write the sheet."""
        figures = "".join(
            f"<figure><img width={sheet.shown} src='data:image/png;base64,"
            f"{base64.b64encode(picture).decode()}'><figcaption>{words}</figcaption></figure>"
            for words, picture in pictures
        )
        page = self._browser.new_page(
            viewport={"width": sheet.columns * (sheet.shown + 16) + 16, "height": 100}
        )
        page.set_content(
            "<style>body{margin:8px;background:#d5dae1;display:grid;align-items:start;"
            f"grid-template-columns:repeat({sheet.columns},1fr)}}figure{{margin:8px}}"
            "img{display:block;border-radius:6px}figcaption{font:13px system-ui;padding-top:4px}"
            f"</style>{figures}"
        )
        path = self._folder / f"pages-{sheet.name}.png"
        page.screenshot(path=path, full_page=True)
        page.close()
        reduce(path)


def reduce(path: Path) -> None:
    """Write the picture with fewer colours."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
        )
    few.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


def queries(host: NightHost, failed: Sequence[Any]) -> dict[str, str]:
    """The pages, in words, and where they are."""
    manager = host.container.background_tasks.manager()
    (group, *_) = host.call(manager.get_failures(type="ExportTask"))
    running = host.call(manager.get_tasks(type="TranscodeTask", status="Running")).items[0]
    return {
        "Overview": "",
        "Tasks": "?page=tasks",
        "A task that runs": f"?task={running.id}",
        "A task that failed": f"?task={failed[-1]}",
        "Failures": "?page=failures&range=24h",
        "A failure": f"?page=failures&group={group.group}",
        "Types": "?page=types",
        "Processes": "?page=processes",
        "Schedules": "?page=schedules",
    }


# Whoever looks at the picture has other folders than this machine.
ELSEWHERE = """([here, there]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (text.data.includes(here)) text.data = text.data.replaceAll(here, there);
    }
}"""


def picture_of(page: Page, sheet: Sheet) -> bytes:
    """As much of the page as is on the screen, without what is empty below."""
    page.evaluate(ELSEWHERE, [str(Path(__file__).parents[1]), "/srv/studio"])
    bottom = page.evaluate(
        "document.querySelector('main > :last-child').getBoundingClientRect().bottom"
    )
    height = sheet.height if sheet.width < 720 else min(sheet.height, max(300, bottom + 40))
    clip = {"x": 0, "y": 0, "width": sheet.width, "height": height}
    return page.screenshot(animations="disabled", clip=clip)  # type: ignore[arg-type] # a TypedDict


def open_(page: Page, host: DashboardHost, query: str) -> None:
    page.goto(host.address + query)
    expect(page.locator(".connection")).to_have_text("Live")
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-busy=true], .waiting")).to_have_count(0)


def night(photographer: Photographer, folder: Path, wanted: Sequence[str]) -> None:
    host = NightHost(folder / "night.db")
    try:
        places = queries(host, host.one_night())
        for sheet in SHEETS:
            if wanted and sheet.name not in wanted:
                continue
            with photographer.page(sheet) as page:
                pictures = []
                for words, query in places.items():
                    open_(page, host, query)
                    pictures.append((words, picture_of(page, sheet)))
            photographer.put_together(sheet, pictures)
        # The last one: it stops the host, which may be done twice.
        if not wanted or OFFLINE.name in wanted:
            offline(photographer, host, places)
    finally:
        host.stop()


def offline(photographer: Photographer, host: NightHost, places: Mapping[str, str]) -> None:
    """The connection is lost while the pages are open."""
    with ExitStack() as stack:
        pages = {
            words: stack.enter_context(photographer.page(OFFLINE))
            for words in ("Overview", "Tasks", "A task that runs", "Processes")
        }
        for words, page in pages.items():
            open_(page, host, places[words])
        host.stop()
        for page in pages.values():
            expect(page.locator(".connection")).to_contain_text("as of", timeout=20_000)
        pictures = [(words, picture_of(page, OFFLINE)) for words, page in pages.items()]
    photographer.put_together(OFFLINE, pictures)


def empty(photographer: Photographer, folder: Path) -> None:
    """Before the first task."""
    host = DashboardHost(folder / "empty.db")
    try:
        pictures = []
        with photographer.page(EMPTY) as page:
            for name in ("overview", "tasks", "failures", "types", "processes", "schedules"):
                open_(page, host, f"?page={name}")
                pictures.append((name.title(), picture_of(page, EMPTY)))
        photographer.put_together(EMPTY, pictures)
    finally:
        host.stop()


def main() -> None:
    wanted = sys.argv[1:]
    with launched_browser() as browser, tempfile.TemporaryDirectory() as folder:
        photographer = Photographer(browser, IMAGES)
        if not wanted or EMPTY.name in wanted:
            empty(photographer, Path(folder))
        if wanted != [EMPTY.name]:
            night(photographer, Path(folder), wanted)


if __name__ == "__main__":
    main()
