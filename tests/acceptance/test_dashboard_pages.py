"""The pages of the dashboard for an operator, in headless Chromium on a real server."""

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

sys.path.append(str(Path(__file__).parents[2]))

from bgtasks import BackgroundTaskStatus as Status
from tests.acceptance.browser import needs_browser
from tests.acceptance.dashboard import SLOW, OpenPage, check, figure, opened_pages
from tests.acceptance.operator_answers import (
    ago,
    answers_of_an_hour,
    history,
    process,
    stats,
)
from tests.hosts.dashboard_host import DashboardHost, ScanTask, fill
from tests.hosts.exports_host import ExportsHost

pytestmark = [pytest.mark.browser, needs_browser]

PAGES = ("overview", "tasks", "failures", "types", "processes", "schedules")


@pytest.fixture
def open_page(browser: Browser, host: DashboardHost) -> Iterator[OpenPage]:
    """Opens the dashboard of the host, or of another one."""
    served = host
    with opened_pages(browser) as open_:

        def open_page(
            query: str = "", answers: Any = None, host: DashboardHost | None = None, **options: Any
        ) -> Page:
            return open_((host or served).address + query, answers=answers, **options)

        yield open_page


# The shell


def test_the_navigation_leads_to_every_page(host: DashboardHost, open_page: OpenPage) -> None:
    host.submit("Copy a.mkv")
    page = open_page()
    pages = page.get_by_role("navigation", name="Pages")
    for name in ("Tasks", "Failures", "Types", "Processes", "Schedules"):
        pages.get_by_role("link", name=name).click()
        expect(pages.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        expect(page).to_have_url(re.compile(rf"\?page={name.lower()}$"))
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page).to_have_title(f"{name} · Background tasks")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Processes")
    page.get_by_role("link", name="Background tasks").click()
    expect(page).to_have_url(host.address)


NOTE_FIRST = """
selector => new MutationObserver(() => {
  if (!window.firstAt && document.querySelector(selector))
    requestAnimationFrame(() => (window.firstAt ??= performance.now()));
}).observe(document, {childList: true, characterData: true, subtree: true})
"""

ASKED_BY_THEN = """
() => performance.getEntriesByType("resource").filter(({startTime}) => startTime <= firstAt)
  .map(({name, encodedBodySize}) => [name, encodedBodySize])
"""


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("", ".figures .count"),
        ("?page=tasks", ".rows .row"),
        ("?page=failures", ".state h2"),
        ("?page=processes", ".cards article"),
        ("?task={task}", "main h1 bdi"),
    ],
)
def test_the_first_screen_takes_four_requests_and_less_than_300_kb(
    host: DashboardHost, open_page: OpenPage, query: str, first: str
) -> None:
    host.stop()
    fill(host.database, 200, payload='"' + "x" * 20_000 + '"')
    host.start()
    task = httpx.get(f"{host.address}api/tasks?limit=1").json()["items"][0]["id"]
    page = open_page("assets/licenses.txt")
    page.add_init_script(f"({NOTE_FIRST})({first!r})")
    page.goto(host.address + query.format(task=task), wait_until="commit")
    page.wait_for_function("() => window.firstAt")
    asked = page.evaluate(ASKED_BY_THEN)
    assert len(asked) <= 3, asked  # its script, its styles, what it shows; and the page itself
    assert sum(size for _, size in asked) < 300_000


def test_times_are_shown_in_utc_or_the_local_zone(host: DashboardHost, open_page: OpenPage) -> None:
    host.stop()
    at = 1_767_322_800_000_000  # 2026-01-02 03:00 UTC
    fill(host.database, 1, created_at=at, started_at=at, completed_at=at + 1_000_000)
    host.start()
    page = open_page("?page=tasks", timezone_id="Asia/Tokyo", locale="en-GB")
    page.get_by_role("link", name="Stored 1").click()
    facts = page.get_by_role("region", name="Times")
    expect(facts).to_contain_text("2 Jan 2026, 12:00:00")
    page.get_by_role("button", name="Time zone: Asia/Tokyo").click()
    expect(facts).to_contain_text("2 Jan 2026, 03:00:00")
    expect(page.get_by_role("button", name="Time zone: UTC")).to_be_visible()
    expect(page).to_have_url(re.compile("zone=utc$"))
    page.reload()
    expect(facts).to_contain_text("2 Jan 2026, 03:00:00")


def test_offline_says_as_of_when_and_its_clocks_stand_still(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.submit("Copy a.mkv")
    page = open_page("?status=Running")
    took = page.locator(".rows .row .took")
    expect(page.locator(".connection")).to_have_text("Live")
    host.stop()
    connection = page.locator(".connection")
    expect(connection).to_have_text(
        re.compile(r"^Reconnecting…\s+as of \d\d:\d\d:\d\d"), timeout=SLOW
    )
    said, ran = connection.inner_text(), took.inner_text()
    page.wait_for_timeout(2500)
    assert (connection.inner_text(), took.inner_text()) == (said, ran)
    host.start()
    expect(connection).to_have_text("Live", timeout=SLOW)


def test_a_server_that_cannot_read_its_tasks_is_not_live_though_the_connection_stands(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.submit("Copy a.mkv")
    page = open_page("assets/licenses.txt")
    page.clock.install()
    page.goto(host.address + "?status=Running")
    connection, took = page.locator(".connection"), page.locator(".rows .row .took")
    expect(connection).to_have_text("Live")
    for path in ("api/health", "api/tasks?limit=1"):
        page.route(host.address + path, lambda route: route.fulfill(status=503, body="{}"))
    page.clock.fast_forward(6_000)
    expect(connection).to_have_text(re.compile(r"^Not live\s+as of \d\d:\d\d:\d\d"))
    said = took.inner_text()
    page.clock.fast_forward(3_000)
    expect(took).to_have_text(said)
    page.unroute_all()
    page.clock.fast_forward(5_000)
    expect(connection).to_have_text("Live")
    expect(took).not_to_have_text(said)


def test_a_process_in_trouble_whose_tasks_can_be_read_is_live(
    host: DashboardHost, open_page: OpenPage
) -> None:
    page = open_page("assets/licenses.txt")
    page.clock.install()
    page.goto(host.address)
    expect(page.locator(".connection")).to_have_text("Live")
    asked = "**/api/health"
    page.route(asked, lambda route: route.fulfill(status=503, body="{}"))
    with page.expect_response(re.compile(r"/api/tasks\?limit=1$")):
        page.clock.fast_forward(6_000)
    page.unroute_all()
    with page.expect_response(asked):
        page.clock.fast_forward(6_000)
    expect(page.locator(".connection")).to_have_text("Live")


def test_what_only_time_changes_is_asked_for_again(
    host: DashboardHost, open_page: OpenPage
) -> None:
    page = open_page("assets/licenses.txt")
    page.clock.install()
    page.goto(host.address + "?page=processes")
    expect(page.get_by_role("article")).to_contain_text("Runs tasks")
    expect(page.locator(".connection")).to_have_text("Live")
    page.wait_for_load_state("networkidle")
    with page.expect_response("**/api/processes"):
        page.clock.fast_forward(11_000)


def test_the_palette_goes_anywhere(host: DashboardHost, open_page: OpenPage) -> None:
    host.fail("Copy b.mkv", why="the share is away")
    page = open_page()
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Palette")
    box = palette.get_by_role("combobox")
    expect(box).to_be_focused()
    box.fill("proc")
    expect(palette.get_by_role("option").first).to_contain_text("Processes")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Processes")
    expect(palette).to_be_hidden()
    page.keyboard.press("Control+k")
    box.fill("CopyTask")
    palette.get_by_role("option", name="Tasks of type CopyTask").click()
    expect(page).to_have_url(re.compile(r"\?type=CopyTask$"))
    page.keyboard.press("Control+k")
    box.fill("share away")
    box.press("Enter")
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy b.mkv"])
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_keys_move_through_list_and_tasks(host: DashboardHost, open_page: OpenPage) -> None:
    for number in range(4):
        host.finish(f"Copy {number}")
    page = open_page("?page=tasks")
    expect(page.locator(".rows .row")).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row.active .name a")).to_have_text("Copy 2")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Copy 3")
    page.keyboard.press("j")
    expect(heading).to_have_text("Copy 2")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(heading).to_have_text("Copy 2")
    page.go_back()
    expect(page.get_by_role("grid")).to_be_focused()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("search from anywhere")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_the_list_stays_where_it_is_when_its_strip_is_drawn(
    host: DashboardHost, open_page: OpenPage
) -> None:
    for number in range(3):
        host.finish(f"Copy {number}")
    page = open_page("assets/licenses.txt")
    late: list[Route] = []
    asked = "**/api/stats/history?*"
    page.route(asked, lambda route: late.append(route))
    with page.expect_request(asked):
        page.goto(f"{host.address}?page=tasks")
    expect(page.locator(".rows .row")).to_have_count(3)
    box = page.get_by_label("Select all 3 tasks loaded")
    box.hover()
    page.mouse.down()
    for route in late:
        route.continue_()
    expect(page.locator(".strip svg")).to_be_visible()
    page.mouse.up()
    expect(box).to_be_checked()


# The overview


def test_the_overview_has_the_numbers_of_the_server(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.fail("Copy b.mkv")
    running = host.submit("Copy a.mkv")
    host.submit("Copy later.mkv", delay=3600)
    page = open_page()
    expect(figure(page, "Running")).to_contain_text("1of 100 places")
    expect(figure(page, "Scheduled")).to_contain_text("next in 59 minutes")
    expect(figure(page, "Processes")).to_contain_text("none lost")
    expect(page.get_by_role("heading", name="Nothing needs attention")).to_be_visible()
    host.tell(running, None)
    expect(figure(page, "Running").locator(".count")).to_have_text("0")
    figure(page, "Scheduled").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"\?view=scheduled$"))
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy later.mkv"])


def test_the_overview_is_pushed_how_things_are_and_no_tasks(
    host: DashboardHost, open_page: OpenPage
) -> None:
    page = open_page("assets/licenses.txt")
    asked: list[str] = []
    pushed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda hub: hub.on("framereceived", lambda f: pushed.append(str(f))))
    page.goto(host.address)
    expect(page.locator(".connection")).to_have_text("Live")
    running = host.submit("Copy a.mkv")
    expect(figure(page, "Running").locator(".count")).to_have_text("1")
    host.tell(running, (50, "half", None))
    host.tell(running, None)
    expect(figure(page, "Running").locator(".count")).to_have_text("0")
    expect(page.get_by_role("region", name="Busiest types")).to_contain_text("CopyTask")
    assert len([url for url in asked if url.endswith("/api/stats")]) == 1
    assert any("StatsUpdated" in frame for frame in pushed)
    assert not any("TaskUpdated" in frame for frame in pushed)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Tasks").click()
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy a.mkv"])
    host.submit("Copy b.mkv")
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy b.mkv", "Copy a.mkv"])


def test_what_needs_attention_leads_to_where_it_is(open_page: OpenPage) -> None:
    answers = {
        "stats": (200, stats()),
        "processes": (200, {"items": [process(1), process(3, alive=False, seenAt=ago(minutes=3))]}),
    }
    page = open_page("", answers)
    attention = page.get_by_role("region", name="Needs attention")
    expect(attention.get_by_role("link")).to_have_count(2)
    attention.get_by_role("link", name="A process is lost").click()
    expect(page.get_by_role("article", name="Process 4403")).to_contain_text("Lost")
    page.go_back()
    attention.get_by_role("link", name="ExportTask fails").click()
    expect(page).to_have_url(re.compile(r"\?page=failures"))


def test_charts_show_what_was_counted_and_hatch_what_is_not_known(open_page: OpenPage) -> None:
    page = open_page("", {"stats/history": (200, history(unknown=10))})
    ended = page.locator(".chart").first
    expect(ended.locator(".legend")).to_contain_text("Completed 100")
    expect(ended.get_by_role("img")).to_have_attribute(
        "aria-label", "Ended: 100 completed, 100 failed, 100 cancelled."
    )
    hatched = ended.locator("rect.unknown")
    expect(hatched).to_have_count(1)
    plot = ended.locator("svg").bounding_box()
    unknown = hatched.bounding_box()
    assert plot is not None
    assert unknown is not None
    assert unknown["width"] == pytest.approx((plot["width"] - 48) / 6, rel=0.05)
    expect(page.get_by_text("Hatched is not known")).to_be_visible()
    # A click opens the list of what ended then.
    page.mouse.click(plot["x"] + plot["width"] - 30, plot["y"] + 40)
    expect(page).to_have_url(re.compile(r"\?ended=20[^&]*\.\.20"))
    page.go_back()
    expect(ended.locator("path.filled").first).to_be_visible()
    # Dragging zooms in.
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 40)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] - 30, plot["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?range=20[^&]*\.\.20"))


def test_what_is_not_known_is_never_a_zero(open_page: OpenPage) -> None:
    missing = (404, {"detail": "Not Found"})
    answers = dict.fromkeys(("stats", "stats/history", "failures", "types"), missing)
    page = open_page("", answers)
    expect(page.get_by_text("this server does not say how everything stands")).to_be_visible()
    for word in ("Waiting", "Running", "Failed in the range"):
        expect(figure(page, word).locator(".count")).to_have_text("not known")


@pytest.mark.parametrize("name", PAGES[2:])
def test_what_is_not_allowed_is_said_to_be_so(open_page: OpenPage, name: str) -> None:
    refused = (403, {"detail": "you may not see statistics of everybody's tasks here"})
    path = {"overview": "stats"}.get(name, name)
    page = open_page(f"?page={name}", {path: refused})
    expect(page.get_by_text("Not allowed here:")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.goto(page.url.partition("?")[0] + "?page=tasks")
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()


def test_numbers_that_may_no_longer_be_seen_are_no_longer_shown(
    host: DashboardHost, open_page: OpenPage
) -> None:
    page = open_page()
    running = host.submit("Copy a.mkv")
    count = figure(page, "Running").locator(".count")
    expect(count).to_have_text("1")
    host.policy.shows_statistics = False
    host.tell(running, None)
    expect(page.locator(".attention")).to_contain_text("Not allowed here:", timeout=SLOW)
    expect(count).to_have_text("not known")


# A task


def test_a_task_shows_its_arguments_and_runs_again_with_others(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.finish("Copy a.mkv")
    page = open_page(f"?task={task_id}")
    expect(page.get_by_role("region", name="Arguments")).to_contain_text("name: Copy a.mkv")
    page.get_by_role("button", name="Run again…").click()
    dialog = page.get_by_role("dialog", name="Run again as a new task?")
    given = dialog.get_by_label("Arguments")
    given.fill("{")
    dialog.get_by_role("button", name="Run again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("That is no JSON")
    given.fill('{"nme": "Copy b.mkv"}')
    dialog.get_by_role("button", name="Run again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("has no argument 'nme'")
    given.fill('{"name": "Copy b.mkv"}')
    dialog.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy b.mkv")
    expect(page.locator(".task-head .badge")).to_have_text("Running")


def test_the_last_report_of_a_task_is_the_last_one(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page("assets/licenses.txt")
    page.clock.install()
    page.goto(f"{host.address}?task={task_id}")
    last = page.locator("dt", has_text="Last report").locator("xpath=following-sibling::dd")
    expect(page.locator(".connection")).to_have_text("Live")
    page.clock.fast_forward(120_000)
    expect(last).to_have_text("2 minutes ago")
    host.tell(task_id, (10, "reel 1", None))
    expect(last).to_have_text(re.compile("just now|^[1-9] seconds? ago"))


def test_an_attempt_that_was_interrupted_is_none_of_those_that_a_task_may_have(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page(f"?task={task_id}")
    tries = page.locator("dt", has_text="Attempt").locator("xpath=following-sibling::dd")
    expect(tries).to_have_text("1 of 1")
    host.stop()
    host.start()
    page.reload()
    expect(tries).to_have_text("21 interrupted, the others at most 1")


def test_the_log_of_a_task_follows(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy a.mkv")
    host.tell(task_id, "<b>reel 1</b>")
    host.tell(task_id, (10, "reel 1", None))
    page = open_page(f"?task={task_id}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("<b>reel 1</b>")
    for number in range(2, 60):
        host.tell(task_id, f"reel {number}")
    expect(log.locator("p").last).to_contain_text("reel 59")
    assert log.locator("p").count() == 59
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 8


def test_a_log_can_be_read_as_users_see_it(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy a.mkv")
    host.tell(task_id, "reel 1")
    host.tell(task_id, lambda: logging.getLogger("app.copying").warning("the share answers slowly"))
    page = open_page(f"?task={task_id}")
    log = page.get_by_role("log")
    expect(log.locator("p")).to_have_count(2)
    expect(log).to_contain_text("warning app.copying the share answers slowly")
    page.get_by_role("button", name="As users see it").click()
    expect(log.locator("p")).to_have_count(1)
    expect(log).to_contain_text("reel 1")
    host.tell(task_id, "reel 2")
    expect(log.locator("p")).to_have_count(2)


# Types and processes


def test_a_type_is_paused_with_a_reason_and_resumed(
    host: DashboardHost, open_page: OpenPage
) -> None:
    page = open_page("?page=types")
    line = page.locator("tbody tr", has=page.get_by_role("link", name="ScanTask"))
    line.get_by_label("Why ScanTask is paused").fill("the disk is being changed")
    line.get_by_role("button", name="Pause ScanTask").click()
    expect(line).to_contain_text("the disk is being changed")
    host.submit("Scan films", kind=ScanTask)
    expect(line.locator("td").first).to_contain_text("1")
    line.get_by_role("button", name="Resume ScanTask").click()
    expect(line.get_by_role("button", name="Pause ScanTask")).to_be_visible()
    expect(line.locator("td").nth(1)).to_contain_text("1")


def test_a_type_that_this_process_does_not_have_is_shown_without_options(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 1, type="OldTask", status="Pending", started_at=None, completed_at=None)
    host.start()
    page = open_page("?page=types")
    line = page.locator("tbody tr", has=page.get_by_role("link", name="OldTask"))
    expect(line).to_contain_text("no process has it")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("nobody runs OldTask: 1 task waits")).to_be_visible()


def test_the_options_of_a_type_are_said_in_words(open_page: OpenPage) -> None:
    options = {
        "maxConcurrency": 6,
        "rate": {"starts": 5, "per": 60.0, "burst": 10},
        "perKey": 2,
        "retry": 3,
        "timeout": 600.0,
        "cancellation": "cooperative",
        "rerunInterrupted": False,
        "unique": True,
        "version": 2,
    }
    kind = {**answers_of_an_hour("")["types"][1]["items"][0], "options": options}
    page = open_page("?page=types", {"types": (200, {"items": [kind]})})
    expect(page.locator("tbody th")).to_contain_text(
        "at most 5 starts in 1 min, at once 10; 2 at once of a key; 3 attempts; ends after 10 min; "
        "cooperative cancellation; not run again after an interruption; unique; version 2"
    )


def test_a_process_shows_what_it_runs(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page("?page=processes")
    one = page.get_by_role("article")
    expect(one).to_have_count(1)
    expect(one).to_contain_text("Runs tasks")
    expect(one).to_contain_text("CopyTask, ScanTask")
    expect(one).to_contain_text("1 of 100")
    one.get_by_role("link", name=str(task_id)[-8:]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy a.mkv")


# Everybody can use it


@pytest.mark.node
@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1440), ("light", 3840)])
def test_axe_finds_nothing_on_any_page(
    host: DashboardHost, open_page: OpenPage, axe: str, theme: str, width: int
) -> None:
    sample = str(host.fail("Export 7", owner="alice"))
    options = {
        "color_scheme": theme,
        "viewport": {"width": width, "height": 800},
        "reduced_motion": "reduce",
    }
    page = open_page("", answers_of_an_hour(sample), **options)
    heading = {
        "": "Overview",
        "?page=failures": "Failures",
        "?page=failures&group=a1": "OSError",
        "?page=types": "Types",
        "?page=processes": "Processes",
        "?page=schedules": "Schedules",
        f"?task={sample}": "Export 7",
    }
    for query, text in heading.items():
        page.goto(host.address + query)
        expect(page.get_by_role("heading", level=1)).to_have_text(text)
        page.wait_for_load_state("networkidle")
        check(page, axe)
    page.keyboard.press("Control+k")
    check(page, axe)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check(page, axe)


@pytest.mark.parametrize("size", [(720, 450), (360, 225)])
def test_it_can_be_enlarged_twice_and_fourfold(
    host: DashboardHost, open_page: OpenPage, size: tuple[int, int]
) -> None:
    sample = str(host.fail("Export 7", owner="alice"))
    width, height = size
    page = open_page("", answers_of_an_hour(sample), viewport={"width": width, "height": height})
    for query in ("", "?page=tasks", "?page=types", "?page=failures&group=a1", f"?task={sample}"):
        page.goto(host.address + query)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), query


def test_forced_colours_leave_charts_and_bars_to_be_seen(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Copy a.mkv")
    host.tell(task_id, (50, "half", None))
    page = open_page("", {"stats/history": (200, history())}, forced_colors="active")
    fill_of = page.locator(".chart path.filled.failed").first.evaluate(
        "path => getComputedStyle(path).fill"
    )
    assert fill_of not in ("none", "rgb(255, 255, 255)")
    page.goto(f"{host.address}?status=Running")
    bar = page.locator(".rows .bar i").first
    assert bar.evaluate("bar => getComputedStyle(bar).backgroundColor") not in (
        "rgba(0, 0, 0, 0)",
        "rgb(255, 255, 255)",
    )


# At three in the morning


class Operator:
    """Who looks at the page at night, and counts what has to be done."""

    def __init__(self) -> None:
        self.interactions = 0

    def click(self, what: Locator) -> None:
        self.interactions += 1
        what.click()


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[ExportsHost]:
    running = ExportsHost(tmp_path / "exports.db")
    try:
        yield running
    finally:
        running.stop()


def test_why_exports_fail_on_which_share_and_retry_exactly_those_in_four_interactions(
    exports: ExportsHost, open_page: OpenPage
) -> None:
    failed = exports.one_night()
    assert len(failed) == 61
    began = datetime.now(UTC) - timedelta(minutes=50)
    operator = Operator()
    page = open_page("?zone=utc", host=exports)
    # Since when, what, and where in the code: without a click.
    concern = page.get_by_role("link", name="of the attempts of ExportTask fail")
    expect(concern).to_be_visible()
    group = page.get_by_role("region", name="Failures in the range").locator("tbody tr")
    expect(group).to_contain_text("OSError [Errno 28] No space left on device")
    expect(group).to_contain_text("write")
    assert abs(at(group.locator("time").first) - began) < timedelta(minutes=1)
    operator.click(concern)
    operator.click(page.get_by_role("link", name="OSError [Errno 28] No space left on device"))
    # Which share.
    share = page.get_by_role("region", name="By share")
    values = share.get_by_role("listitem")
    expect(values.nth(0)).to_contain_text("nas-2")
    expect(values.nth(0)).to_contain_text("61 of 65")
    expect(values.nth(1)).to_contain_text("nas-3")
    expect(page.get_by_label("Newest traceback")).to_contain_text("No space left on device")
    exports.full.clear()  # somebody has made room
    operator.click(values.nth(0).get_by_role("button", name="Retry these 61"))
    dialog = page.get_by_role("dialog", name="Retry 61 tasks?")
    expect(dialog.get_by_label("By type")).to_contain_text("ExportTask 61")
    operator.click(dialog.get_by_role("button", name="Retry 61 tasks"))
    expect(page.locator(".announcement")).to_contain_text("61 tasks: submitted again.")
    assert operator.interactions <= 4
    # Exactly those: the others of the same failure stay as they are.
    assert {exports.wait_for(task_id).status for task_id in failed} == {Status.COMPLETED}
    expect(page.locator(".actions")).to_contain_text("3 still failed, 61 recovered")
    page.get_by_role("link", name="Show these tasks").click()
    expect(page.locator(".rows .row .name a")).to_have_count(3)
    assert all("nas-3" in name for name in page.locator(".rows .row .name a").all_inner_texts())


def at(time: Locator) -> datetime:
    return datetime.fromisoformat(time.get_attribute("datetime") or "")


def test_a_failure_tells_its_tasks_apart_by_owner_and_process(
    exports: ExportsHost, open_page: OpenPage
) -> None:
    exports.full.add("nas-1")
    exports.export(["nas-1"] * 5)
    page = open_page("?page=failures", host=exports)
    page.get_by_role("link", name="OSError [Errno 28] No space left on device").click()
    expect(page.get_by_role("region", name="By owner")).to_contain_text("alice 5 of 5")
    process = page.get_by_role("region", name="By process")
    expect(process).to_contain_text(f"{socket.gethostname()}:{os.getpid()} 5 of 5")
    # Each task has a number of its own, which tells nothing.
    expect(page.get_by_role("region", name="By number")).to_have_count(0)
    exports.full.clear()
    page.get_by_role("button", name="Retry these 5").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Retry 5 tasks").click()
    expect(page.locator(".actions")).to_contain_text("0 still failed, 5 recovered")
    expect(page.get_by_role("button", name="Retry these 0")).to_be_disabled()
    expect(page.get_by_role("button", name=re.compile("Retry these"))).to_have_count(1)


def test_failures_of_one_type_and_those_before_the_range_have_an_address(
    exports: ExportsHost, open_page: OpenPage
) -> None:
    exports.full.add("nas-1")
    (old,) = exports.export(["nas-1"], timedelta(hours=3))
    page = open_page("?page=failures&type=ExportTask", host=exports)
    expect(page.get_by_role("heading", name="No task failed in this time")).to_be_visible()
    page.get_by_role("link", name="Look at the last 30 days").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(f"{exports.address}?task={old}")
    page.get_by_role("link", name="Others like it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("OSError")
    expect(page).to_have_url(re.compile("range=6h"))


# Doing something to many


def test_all_that_match_are_retried_those_not_loaded_too(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 600, status="Failed", error_message="the share is away", owner="alice")
    host.start()
    page = open_page("?status=Failed")
    expect(page.locator(".foot")).to_contain_text("200 loaded of 600")
    page.get_by_label("Select all 200 tasks loaded").check()
    bar = page.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("200 loaded selected")
    bar.get_by_role("button", name="Select all 600 that match").click()
    expect(bar).to_contain_text("All 600 that match are selected")
    bar.get_by_role("button", name="Retry all…").click()
    dialog = page.get_by_role("dialog", name="Retry 600 tasks?")
    expect(dialog.get_by_label("By type")).to_contain_text("CopyTask 600")
    expect(dialog.get_by_label("By owner")).to_contain_text("alice 600")
    dialog.get_by_role("button", name="Go back").click()
    expect(bar).to_contain_text("All 600 that match are selected")
    bar.get_by_role("button", name="Retry all…").click()
    dialog.get_by_role("button", name="Retry 600 tasks").click()
    expect(page.locator(".announcement")).to_contain_text("600 tasks: submitted again.")
    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()
    expect(bar).to_be_hidden()
