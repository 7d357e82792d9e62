"""The dashboard in headless Chromium, on a real server, with workers that do as they are told."""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

sys.path.append(str(Path(__file__).parents[2]))

from bgtasks.web.dashboard_page import dashboard_routes
from tests.acceptance.browser import needs_browser
from tests.acceptance.dashboard import SLOW, OpenPage, check, count, names, opened_pages, row, tab
from tests.hosts.dashboard_host import DashboardHost, ScanTask, fill

STATUSES = ("Pending", "Running", "Completed", "Failed", "Cancelled")

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture
def open_page(browser: Browser, host: DashboardHost) -> Iterator[OpenPage]:
    """Opens the dashboard: the list of tasks, where nothing else is said, when it is live."""
    with opened_pages(browser) as open_:

        def open_page(query: str = "?page=tasks", state: str = "Live", **options: Any) -> Page:
            return open_(host.address + query, state=state, **options)

        yield open_page


def quiet(page: Page, asked: list[str]) -> None:
    """Wait until the page asks for nothing for two seconds; it has ten in all."""
    for _ in range(5):
        asked.clear()
        page.wait_for_timeout(2000)
        if not asked:
            return
    raise AssertionError(f"the page goes on asking: {asked}")


# The page and its way to the browser


def answer(address: str | urllib.request.Request) -> Any:
    return urllib.request.urlopen(address, timeout=10)


@pytest.mark.parametrize("prefix", ["", "/deep/below"])
def test_the_page_is_served_at_the_mount_point(tmp_path: Path, prefix: str) -> None:
    host = DashboardHost(tmp_path / "tasks.db", prefix)
    try:
        for address in (host.address, host.address.rstrip("/") + "?status=Failed"):
            page = answer(address)
            assert page.url.partition("?")[0] == host.address
            assert "Background tasks" in page.read().decode()
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert f"ws://127.0.0.1:{host.port}" in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-cache"
        script = answer(host.address + "assets/app.js")
        assert "javascript" in script.headers["Content-Type"]
        assert script.headers["X-Content-Type-Options"] == "nosniff"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            answer(host.address + "assets/none.js")
    finally:
        host.stop()


def test_a_strange_host_header_does_not_get_into_the_policy(host: DashboardHost) -> None:
    request = urllib.request.Request(host.address, headers={"Host": "a; script-src *"})
    policy = answer(request).headers["Content-Security-Policy"]
    assert "script-src *" not in policy
    assert "connect-src 'self';" in policy


def test_the_bare_mount_point_leads_to_the_page_whatever_host_is_named() -> None:
    app = Starlette(routes=dashboard_routes())
    with TestClient(app, root_path="/deep/my tasks", follow_redirects=False) as client:
        moved = client.get("/deep/my tasks?q=1", headers={"Host": "evil.example"})
    assert moved.status_code == 307
    assert moved.headers["Location"] == "./my%20tasks/?q=1"


def test_it_works_below_a_prefix(tmp_path: Path, browser: Browser) -> None:
    host = DashboardHost(tmp_path / "tasks.db", "/deep/below")
    page = browser.new_page()
    try:
        host.submit("Copy a.mkv")
        page.goto(host.address.rstrip("/") + "?page=tasks")
        expect(page.locator(".connection")).to_have_text("Live")
        expect(names(page)).to_have_text(["Copy a.mkv"])
    finally:
        page.close()
        host.stop()


# The list


def test_counts_and_rows_follow_what_is_pushed(host: DashboardHost, open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    expect(count(page, "All")).to_have_text("0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    quiet(page, asked)  # nothing asks on a clock
    first, second = host.submit("Copy one.mkv"), host.submit("Copy two.mkv")
    host.submit("Copy later.mkv", delay=3600)
    expect(names(page)).to_have_text(["Copy later.mkv", "Copy two.mkv", "Copy one.mkv"])
    expect(count(page, "Running")).to_have_text("2")
    expect(count(page, "Scheduled")).to_have_text("1")
    host.tell(first, (42.5, "reel 3", None))
    expect(row(page, "Copy one.mkv").locator(".percent")).to_have_text("42 %")
    expect(row(page, "Copy one.mkv")).to_contain_text("reel 3")
    host.tell(first, None)
    host.tell(second, RuntimeError("the disk is full"))
    expect(count(page, "Completed")).to_have_text("1")
    expect(count(page, "Failed")).to_have_text("1")
    expect(count(page, "Running")).to_have_text("0")
    expect(row(page, "Copy two.mkv")).to_contain_text("the disk is full")
    expect(page.locator(".foot")).to_have_text("All 3 tasks.")
    assert [url for url in asked if "api/tasks?" in url] == []  # the rows come by push alone


def test_an_empty_list_says_how_to_start_a_first_task(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    expect(page.get_by_label("Example code")).to_contain_text("manager.run_task(")


def test_filters_live_in_the_address(host: DashboardHost, open_page: OpenPage) -> None:
    host.finish("Copy a.mkv", owner="alice")
    host.finish("Scan films", kind=ScanTask, owner="alice")
    host.fail("Copy b.mkv", owner="bob")
    host.submit("Copy c.mkv")
    page = open_page()
    expect(names(page)).to_have_count(4)

    tab(page, "Completed").click()
    expect(tab(page, "Completed")).to_have_attribute("aria-current", "page")
    expect(names(page)).to_have_text(["Scan films", "Copy a.mkv"])
    search = page.get_by_role("searchbox", name="Search tasks")
    search.fill("type:ScanTask owner:alice created:1h FILM")
    search.press("Enter")
    expect(names(page)).to_have_text(["Scan films"])
    expect(page).to_have_url(
        re.compile(r"\?status=Completed&type=ScanTask&owner=alice&q=FILM&created=2[^&]*\.\.$")
    )
    page.reload()
    expect(names(page)).to_have_text(["Scan films"])
    chips = page.get_by_role("group", name="Filters")
    expect(chips).to_contain_text("Owner alice")
    search.fill("nothing like it")
    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()
    page.locator(".state").get_by_role("button", name="Clear the filters").click()
    expect(names(page)).to_have_count(4)

    page.get_by_role("button", name="+ Filter").click()
    page.get_by_label("Owners (“none”: without)").fill("none")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(names(page)).to_have_text(["Copy c.mkv"])
    chips.get_by_role("button", name="Without Owner none").click()
    expect(names(page)).to_have_count(4)
    page.go_back()
    expect(names(page)).to_have_text(["Copy c.mkv"])
    page.get_by_role("button", name="+ Filter").click()
    page.get_by_label("Created from").fill("2020-01-01T00:00")
    page.get_by_label("Created to").fill("2020-01-02T00:00")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()


def test_the_server_searches_names_errors_and_messages(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.fail("Copy b.mkv", why="the share is away")
    running = host.submit("Copy c.mkv")
    host.tell(running, (5, "reel seven", None))
    page = open_page("?q=SHARE")
    expect(names(page)).to_have_text(["Copy b.mkv"])
    search = page.get_by_role("searchbox", name="Search tasks")
    search.fill("seven reel")
    expect(names(page)).to_have_text(["Copy c.mkv"])
    search.fill(str(running)[:13])
    expect(names(page)).to_have_text(["Copy c.mkv"])
    search.fill(str(running))
    search.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy c.mkv")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    search.fill("share")
    search.press("Enter")
    expect(names(page)).to_have_text(["Copy b.mkv"])


def test_a_filtered_list_follows_too(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page("?status=Running")
    expect(names(page)).to_have_text(["Copy a.mkv"])
    host.tell(task_id, None)
    expect(names(page)).to_have_count(0)


def test_a_search_finds_old_tasks_at_once(host: DashboardHost, open_page: OpenPage) -> None:
    host.stop()
    fill(host.database, 5000)
    host.start()
    page = open_page("?q=stored+1111")
    expect(names(page)).to_have_text(["Stored 1111"])
    expect(page.locator(".foot")).to_have_text("1 task found. That is all.")


def test_a_search_that_takes_long_goes_on_and_says_how_far_it_came(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.finish("Copy a.mkv")
    page = open_page()
    asked: list[Route] = []

    def answer_early(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            since = "2026-01-31T09:00:00.000000Z"
            route.fulfill(json={"items": [], "nextCursor": "further", "searchedTo": since})
        elif len(asked) > 2:
            route.fallback()

    page.route(re.compile(r"/api/tasks\?q="), answer_early)
    page.get_by_role("searchbox", name="Search tasks").fill("copy")
    foot = page.locator(".foot")
    expect(foot).to_have_text(re.compile("Nothing found since .*2026.*; looking further back…"))
    host.finish("Scan")  # of which only the server can say whether it fits
    expect(page.get_by_role("button", name="Changed: show")).to_be_visible()
    assert [route.request.url.partition("cursor=")[2] for route in asked] == ["", "further"]
    asked[1].continue_(url=asked[1].request.url.partition("&cursor=")[0])
    expect(names(page)).to_have_text(["Copy a.mkv"])
    expect(foot).to_have_text("1 task found. That is all.")


def test_counts_are_those_of_all_tasks_however_few_are_read(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 3000)
    host.start()
    host.submit("Copy a.mkv")
    host.submit("Copy later.mkv", delay=3600)
    page = open_page()
    for word, number in {
        "All": "3,002",
        "Running": "1",
        "Completed": "3,000",
        "Waiting": "0",
    }.items():
        expect(count(page, word)).to_have_text(number)
    expect(count(page, "Scheduled")).to_have_text("1")
    expect(page.locator(".foot")).to_contain_text("200 loaded of 3,002")
    tab(page, "Scheduled").click()
    expect(names(page)).to_have_text(["Copy later.mkv"])
    tab(page, "Completed").click()
    search = page.get_by_role("searchbox", name="Search tasks")
    search.fill("2999")
    expect(count(page, "Completed")).to_have_text("1")
    expect(count(page, "Running")).to_have_text("0")


def test_a_hundred_thousand_tasks_are_scrolled_as_far_as_wanted(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 100_000)
    host.start()
    page = open_page()
    expect(names(page).first).to_have_text("Stored 100000")
    expect(count(page, "Completed")).to_have_text("100,000")
    grid = page.get_by_role("grid")
    grid.focus()
    for _ in range(5):
        loaded = page.locator(".rows").evaluate("rows => rows.offsetHeight")
        grid.press("End")
        expect(page.locator(".rows .row.active")).to_be_in_viewport()
        page.wait_for_function(
            "was => document.querySelector('.rows').offsetHeight > was", arg=loaded
        )
        assert page.locator(".rows .row").count() < 70
    grid.press("Home")
    expect(names(page).first).to_have_text("Stored 100000")
    expect(names(page).first).to_be_in_viewport()


def test_the_oldest_come_first_where_that_is_wanted(
    host: DashboardHost, open_page: OpenPage
) -> None:
    for number in range(3):
        host.finish(f"Copy {number}")
    page = open_page()
    page.get_by_role("button", name="Created").click()
    expect(names(page)).to_have_text(["Copy 0", "Copy 1", "Copy 2"])
    expect(page).to_have_url(re.compile(r"sort=created$"))
    page.reload()
    expect(names(page)).to_have_text(["Copy 0", "Copy 1", "Copy 2"])
    page.get_by_role("button", name="Created").click()
    expect(names(page)).to_have_text(["Copy 2", "Copy 1", "Copy 0"])


def test_any_order_of_the_server_can_be_chosen(host: DashboardHost, open_page: OpenPage) -> None:
    tasks = [host.submit(f"Copy {number}") for number in range(3)]
    for number in (1, 0, 2):
        host.tell(tasks[number], None)
        host.wait_for(tasks[number])
    host.submit("Copy later", delay=3600)
    page = open_page()
    order = page.get_by_label("Order")
    order.select_option("Last ended first")
    expect(names(page)).to_have_text(["Copy 2", "Copy 0", "Copy 1", "Copy later"])
    expect(page).to_have_url(re.compile(r"sort=-ended$"))
    expect(page.get_by_role("columnheader", name="Ended")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(row(page, "Copy later").locator(".created")).to_have_text("not yet")
    page.get_by_role("button", name="Ended").click()
    expect(names(page)).to_have_text(["Copy 1", "Copy 0", "Copy 2", "Copy later"])
    order.select_option("Last started first")
    expect(names(page)).to_have_text(["Copy 2", "Copy 1", "Copy 0", "Copy later"])
    order.select_option("Newest first")
    expect(names(page).first).to_have_text("Copy later")


def test_the_order_is_held_under_the_pointer(host: DashboardHost, open_page: OpenPage) -> None:
    for number in range(5):
        host.finish(f"Copy {number}")
    page = open_page("?status=Completed")
    expect(names(page)).to_have_text([f"Copy {number}" for number in (4, 3, 2, 1, 0)])
    row(page, "Copy 3").hover()
    for number in range(5, 8):
        host.finish(f"Copy {number}")
    more = page.get_by_role("button", name="3 new: show")
    expect(more).to_be_visible()
    expect(names(page)).to_have_text([f"Copy {number}" for number in (4, 3, 2, 1, 0)])
    page.mouse.move(300, 20)
    expect(names(page).first).to_have_text("Copy 7")
    expect(more).to_have_count(0)
    # So it is where something is selected, or scrolled.
    row(page, "Copy 5").get_by_role("checkbox").check()
    page.mouse.move(300, 20)
    host.finish("Copy 8")
    page.get_by_role("button", name="1 new: show").click()
    expect(names(page).first).to_have_text("Copy 8")


def test_a_list_is_not_moved_by_pushes_that_begin_late(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 600)
    host.start()
    page = open_page("assets/licenses.txt", state="")
    sockets: list[WebSocketRoute] = []
    asked: list[Route] = []
    page.route_web_socket(re.compile("socket.io"), lambda socket: sockets.append(socket))
    page.goto(f"{host.address}?page=tasks")
    foot, grid = page.locator(".foot"), page.get_by_role("grid")
    expect(foot).to_contain_text("200 loaded of 600")
    page.route("**/api/tasks?*", lambda route: asked.append(route))
    with page.expect_request("**/api/tasks?*"):
        sockets[0].connect_to_server()
    expect(grid).to_have_attribute("aria-busy", "true")
    asked.pop().continue_()
    expect(grid).to_have_attribute("aria-busy", "false")
    assert (foot.text_content() or "").startswith("200 loaded of 600")
    # So it is where somebody takes hold of the list while the answer is on its way.
    sockets.pop().close()
    while not sockets:  # it comes back by itself
        page.wait_for_timeout(50)
    with page.expect_request("**/api/tasks?*"):
        sockets[0].connect_to_server()
    page.get_by_label("Select all 200 tasks loaded").check()
    host.finish("Copy a.mkv")
    asked.pop().continue_()
    expect(page.get_by_role("button", name="1 new: show")).to_be_visible()
    expect(names(page).first).to_have_text("Stored 600")
    expect(page.get_by_role("region", name="Selected tasks")).to_contain_text("200 loaded selected")


def test_what_no_longer_fits_stays_while_the_order_is_held(
    host: DashboardHost, open_page: OpenPage
) -> None:
    first, second = host.submit("Copy a.mkv"), host.submit("Copy b.mkv")
    page = open_page("?status=Running")
    row(page, "Copy b.mkv").hover()
    host.tell(second, None)
    expect(row(page, "Copy b.mkv")).to_contain_text("Completed")
    expect(names(page)).to_have_text(["Copy b.mkv", "Copy a.mkv"])
    page.mouse.move(300, 20)
    expect(names(page)).to_have_text(["Copy a.mkv"])
    host.tell(first, None)
    expect(names(page)).to_have_count(0)


def test_many_rows_are_on_the_first_screen(host: DashboardHost, open_page: OpenPage) -> None:
    host.stop()
    fill(host.database, 100)
    host.start()
    for size, least in (((1440, 900), 15), ((360, 740), 3)):
        page = open_page(viewport={"width": size[0], "height": size[1]})
        expect(names(page).first).to_be_visible()
        edge = page.locator("nav.pages").bounding_box()
        bottom = size[1] if edge is None or edge["x"] + edge["width"] < 300 else edge["y"]
        boxes = page.locator(".rows .row").evaluate_all(
            "rows => rows.map(row => row.getBoundingClientRect().bottom)"
        )
        assert sum(box <= bottom for box in boxes) >= least


def test_text_of_a_row_can_be_marked(host: DashboardHost, open_page: OpenPage) -> None:
    host.fail("Copy b.mkv", why="the share is away")
    page = open_page()
    message = row(page, "Copy b.mkv").get_by_text("the share is away")
    box = message.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 8, steps=5)
    page.mouse.up()
    assert "share is" in page.evaluate("getSelection().toString()")
    expect(names(page)).to_have_text(["Copy b.mkv"])  # it has not left the list


def test_shift_and_a_click_select_a_range(host: DashboardHost, open_page: OpenPage) -> None:
    for number in range(6):
        host.finish(f"Copy {number}")
    page = open_page()
    row(page, "Copy 4").get_by_role("checkbox").check()
    row(page, "Copy 1").locator(".pick label").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("4 selected")
    page.keyboard.press("Escape")


# A task's page


def test_a_task_has_a_page_that_follows(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy film.mkv", owner="alice")
    page = open_page()
    page.get_by_role("link", name="Copy film.mkv").click()
    expect(page).to_have_url(re.compile(rf"\?task={task_id}$"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Copy film.mkv")
    expect(heading).to_be_focused()
    expect(page).to_have_title("Copy film.mkv · Background tasks")
    expect(page.locator(".task-head .badge")).to_have_text("Running")
    payload = {"copiedBytes": 7, "files": [{"name": "a.jpg", "parts": []}], "ok": True, "at": None}
    host.tell(task_id, (12.5, "reel 1", payload))
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "12")
    expect(page.locator(".wide-progress")).to_contain_text("reel 1")
    tree = page.get_by_role("region", name="Payload")
    expect(tree).to_contain_text("copiedBytes: 7")
    expect(tree).to_contain_text("ok: true")
    expect(tree).to_contain_text("at: null")
    expect(tree).to_contain_text("files: 1 item")
    tree.locator("summary", has_text="0: 2 fields").click()
    expect(tree).to_contain_text("name: a.jpg")
    expect(tree).to_contain_text("parts: empty list")
    facts = page.get_by_role("region", name="Times")
    expect(facts).to_contain_text("alice")
    expect(facts).to_contain_text(str(task_id))
    expect(facts).to_contain_text("Running for")
    # What a reader opened stays open through updates.
    host.tell(task_id, (50, "reel 2", {**payload, "copiedBytes": 8}))
    expect(tree).to_contain_text("copiedBytes: 8")
    expect(tree).to_contain_text("name: a.jpg")
    host.tell(task_id, None)
    expect(page.locator(".task-head .badge")).to_have_text("Completed")
    expect(facts).to_contain_text("Ended")
    page.get_by_role("link", name="All tasks").click()
    expect(names(page)).to_have_text(["Copy film.mkv"])
    page.go_back()
    expect(heading).to_have_text("Copy film.mkv")


def test_every_attempt_shows_its_error_and_traceback(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Scan films", kind=ScanTask)
    page = open_page(f"?task={task_id}")
    host.tell(task_id, OSError("the share is away"))
    host.tell(task_id, OSError("the disk is full"))
    expect(page.locator(".task-head .badge")).to_have_text("Failed")
    expect(page.get_by_role("region", name="Error")).to_contain_text("the disk is full")
    expect(page.get_by_label("Traceback of attempt 2")).to_contain_text("raise order")
    expect(page.get_by_label("Traceback of attempt 2")).to_contain_text("library frame")
    expect(page.get_by_label("Traceback of attempt 2").locator(".last")).to_contain_text("execute")
    attempts = page.locator(".attempts tbody")
    expect(attempts).to_contain_text("the share is away")
    expect(attempts).not_to_contain_text("the disk is full")  # that is said once, above
    attempts.locator("summary", has_text="Traceback").click()
    expect(page.get_by_label("Traceback of attempt 1")).to_contain_text("the share is away")


def test_times_are_in_the_readers_zone_and_durations_in_words(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    at = 1_767_322_800_000_000  # 2026-01-02 03:00 UTC
    times = {"created_at": at, "started_at": at + 5_000_000, "completed_at": at + 130_000_000}
    fill(host.database, 1, **times)
    host.start()
    page = open_page(timezone_id="Asia/Tokyo", locale="en-GB")
    row(page, "Stored 1").click()
    facts = page.get_by_role("region", name="Times")
    expect(facts).to_contain_text("2 Jan 2026, 12:00:00")
    expect(facts).to_contain_text("GMT+9")
    expect(facts).to_contain_text(re.compile(r"Waited\s*5 seconds"))
    expect(facts).to_contain_text(re.compile(r"Ran for\s*2 minutes 5 seconds"))


def test_an_unknown_task_is_said_to_be_unknown(open_page: OpenPage) -> None:
    for wrong in (str(uuid4()), "<b>no id</b>"):
        page = open_page(f"?task={wrong}")
        expect(page.get_by_role("heading", name="There is no such task")).to_be_visible()
        expect(page.locator(".state")).to_contain_text(wrong)


# Doing something


def test_one_task_is_cancelled_after_a_confirmation(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Copy film.mkv")
    page = open_page(f"?task={task_id}")
    cancel = page.get_by_role("button", name="Cancel task", exact=True)
    cancel.click()
    dialog = page.get_by_role("dialog", name="Cancel 1 task?")
    expect(dialog).to_contain_text("Copy film.mkv")
    dialog.get_by_role("button", name="Go back").click()
    expect(dialog).to_be_hidden()
    expect(cancel).to_be_focused()
    expect(page.locator(".task-head .badge")).to_have_text("Running")
    cancel.click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    cancel.click()
    dialog.get_by_role("button", name="Cancel 1 task").click()
    expect(page.locator(".task-head .badge")).to_have_text("Cancelled")
    expect(page.locator(".announcement")).to_contain_text("1 task: cancellation asked.")
    page.get_by_role("button", name="Retry task").click()
    dialog = page.get_by_role("dialog", name="Retry 1 task?")
    dialog.get_by_role("button", name="Retry 1 task").click()
    expect(page.locator(".task-head .badge")).to_have_text("Running")


def test_many_tasks_are_cancelled_and_retried(host: DashboardHost, open_page: OpenPage) -> None:
    for number in range(12):
        host.submit(f"Copy {number}")
    host.finish("Copy done")
    page = open_page()
    expect(names(page)).to_have_count(13)
    page.get_by_label("Select all 13 tasks loaded").check()
    bar = page.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("13 selected")
    expect(bar.get_by_role("button", name="Retry 0")).to_be_disabled()
    bar.get_by_role("button", name="Cancel 12").click()
    dialog = page.get_by_role("dialog", name="Cancel 12 tasks?")
    expect(dialog).to_contain_text("and 7 tasks more")
    expect(dialog).to_contain_text("1 task of the selection cannot be cancelled")
    dialog.get_by_role("button", name="Cancel 12 tasks").click()
    expect(count(page, "Cancelled")).to_have_text("12")
    expect(page.locator(".announcement")).to_contain_text("12 tasks: cancellation asked.")
    expect(bar).to_be_hidden()
    expect(page.get_by_role("grid")).to_be_focused()
    for number in (3, 4):
        row(page, f"Copy {number}").get_by_role("checkbox").check()
    bar.get_by_role("button", name="Retry 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry 2 tasks").click()
    expect(count(page, "Running")).to_have_text("2")
    expect(count(page, "Cancelled")).to_have_text("10")


def test_what_the_policy_forbids_is_not_available(host: DashboardHost, open_page: OpenPage) -> None:
    theirs, mine = host.submit("Theirs"), host.submit("Mine")
    host.policy.forbidden.add(theirs)
    page = open_page()
    for name in ("Theirs", "Mine"):
        row(page, name).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("You are not allowed to cancel 1 of these.")
    expect(bar.get_by_role("button", name="Cancel 1")).to_be_enabled()
    row(page, "Mine").get_by_role("checkbox").uncheck()
    expect(bar.get_by_role("button", name="Cancel 0")).to_be_disabled()
    page.get_by_role("link", name="Theirs").click()
    expect(page.get_by_role("button", name="Cancel task")).to_be_disabled()
    expect(page.get_by_text("You are not allowed to cancel this task.")).to_be_visible()
    assert mine != theirs


def test_a_refusal_by_the_server_is_shown(host: DashboardHost, open_page: OpenPage) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page(f"?task={task_id}")
    cancel = page.get_by_role("button", name="Cancel task", exact=True)
    expect(cancel).to_be_enabled()
    cancel.click()
    host.policy.forbidden.add(task_id)
    page.get_by_role("dialog").get_by_role("button", name="Cancel 1 task").click()
    expect(page.locator(".announcement")).to_contain_text("1 task refused: you may not cancel")


# The connection


def test_after_a_restart_everything_is_read_again(host: DashboardHost, open_page: OpenPage) -> None:
    gone = host.finish("Copy gone.mkv")
    host.submit("Copy a.mkv")
    page = open_page()
    expect(names(page)).to_have_text(["Copy a.mkv", "Copy gone.mkv"])
    host.stop()
    expect(page.locator(".connection")).to_contain_text("Reconnecting…")
    # While nobody listens, one task goes and many come and end.
    fill(host.database, 300)
    forget(host.database, gone)
    host.start()
    expect(page.locator(".connection")).to_have_text("Live", timeout=SLOW)
    expect(count(page, "All")).to_have_text("301")
    expect(count(page, "Completed")).to_have_text("300")
    expect(page.get_by_text("Copy gone.mkv")).to_have_count(0)
    host.submit("Copy b.mkv")
    expect(names(page).first).to_have_text("Copy b.mkv")


def test_an_open_task_is_read_again_after_a_restart(
    host: DashboardHost, open_page: OpenPage
) -> None:
    task_id = host.submit("Copy a.mkv")
    page = open_page(f"?task={task_id}")
    expect(page.locator(".task-head .badge")).to_have_text("Running")
    host.stop()
    expect(page.locator(".connection")).to_contain_text("Reconnecting…")
    host.start()
    host.tell(task_id, None)
    expect(page.locator(".task-head .badge")).to_have_text("Completed", timeout=SLOW)


def test_where_no_websocket_gets_through_tasks_are_seen_and_cancelled(
    host: DashboardHost, browser: Browser
) -> None:
    host.submit("Copy later.mkv", delay=3600)
    context = browser.new_context()
    context.route_web_socket(re.compile("socket.io"), lambda hub: hub.close())
    page = context.new_page()
    try:
        page.goto(f"{host.address}?page=tasks")
        expect(page.locator(".connection")).to_contain_text("Reconnecting…")
        page.get_by_role("link", name="Copy later.mkv").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Copy later.mkv")
        page.get_by_role("button", name="Cancel task").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel 1 task").click()
        expect(page.locator(".task-head .badge")).to_have_text("Cancelled")
    finally:
        context.close()


def test_who_may_not_connect_is_told_so(host: DashboardHost, open_page: OpenPage) -> None:
    host.finish("Copy secret.mkv")
    host.policy.is_open = False
    page = open_page(state="Not live")
    expect(
        page.get_by_role("heading", name="You may not see background tasks here")
    ).to_be_visible()
    expect(page.get_by_text("Copy secret.mkv")).to_have_count(0)
    for hint in ("http://localhost", "bgtasks.web.refusal_log", "docs/how-to/access.md"):
        expect(page.get_by_text(hint)).to_be_visible()
    host.policy.is_open = True
    page.get_by_role("button", name="Try again").click()
    expect(names(page)).to_have_text(["Copy secret.mkv"])


def test_who_may_not_connect_any_more_sees_nothing_any_more(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.finish("Copy secret.mkv")
    page = open_page()
    expect(names(page)).to_have_text(["Copy secret.mkv"])
    host.stop()
    host.start(is_open=False)
    heading = page.get_by_role("heading", name="You may not see background tasks here")
    expect(heading).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Copy secret.mkv")).to_have_count(0)


# Everybody can use it


def test_the_list_works_with_the_keyboard_alone(host: DashboardHost, open_page: OpenPage) -> None:
    for number in range(40):
        host.submit(f"Copy {number}")
    page = open_page()
    expect(page.locator(".foot")).to_have_text("All 40 tasks.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    grid = page.get_by_role("grid")
    for _ in range(30):
        page.keyboard.press("Tab")
        if grid.evaluate("grid => grid === document.activeElement"):
            break
    expect(grid).to_be_focused()
    expect(page.locator(".row.active .name a")).to_have_text("Copy 39")
    for key in ("ArrowDown", "ArrowDown", "Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(page.locator(".row.active .name a")).to_have_text("Copy 36")
    expect(page.get_by_role("region", name="Selected tasks")).to_contain_text("2 selected")
    page.keyboard.press("End")
    expect(page.locator(".row.active .name a")).to_have_text("Copy 0")
    expect(page.locator(".row.active")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy 0")
    page.go_back()
    expect(grid).to_be_focused()
    expect(page.locator(".row.active .name a")).to_have_text("Copy 0")
    expect(page.locator(".row.active")).to_be_in_viewport()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search tasks")).to_be_focused()


def test_the_theme_can_be_chosen_and_stays(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(colour)
    button = page.get_by_role("button", name="Theme:")
    button.click()
    button.click()
    expect(button).to_contain_text("Dark")
    assert page.evaluate(colour) != light
    page.reload()
    expect(button).to_contain_text("Dark")
    dark = page.evaluate(colour)
    assert open_page(color_scheme="dark").evaluate(colour) == dark


def test_motion_is_reduced_where_that_is_wished(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    motion = page.locator(".connection i").evaluate("dot => getComputedStyle(dot).animationName")
    assert motion == "none"


@pytest.mark.node
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 360), ("dark", 768), ("light", 1440), ("dark", 2560)]
)
def test_axe_finds_nothing(
    host: DashboardHost, open_page: OpenPage, axe: str, theme: str, width: int
) -> None:
    page = open_page(
        color_scheme=theme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    check(page, axe)
    payload = {"files": [{"name": "a.jpg", "size": 3}], "text": "long " * 100, "none": []}
    running = host.submit("Copy a.mkv", owner="alice")
    host.tell(running, (40, "reel 1", payload))
    cancelled = host.submit("Copy b.mkv", delay=3600)
    host.call(host.container.background_tasks.manager().cancel_task(cancelled))
    host.submit("Copy c.mkv", delay=3600)
    failed = host.fail("Scan films", kind=ScanTask)
    host.policy.forbidden.add(failed)
    host.finish("Copy d.mkv")
    for word in ("Running", "Scheduled", "Failed", "Cancelled", "Completed"):
        expect(count(page, word)).to_have_text("1")
    check(page, axe)
    tab(page, "Running").click()
    expect(names(page)).to_have_count(1)
    page.get_by_role("button", name="+ Filter").click()
    check(page, axe)
    page.keyboard.press("Escape")
    page.get_by_label("Select all 1 tasks loaded").check()
    expect(page.get_by_role("region", name="Selected tasks")).to_be_visible()
    check(page, axe)
    page.get_by_role("button", name="Cancel 1").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, axe)
    page.goto(f"{host.address}?task={running}")
    page.get_by_role("button", name="Show all 500 characters").click()
    check(page, axe)
    page.goto(f"{host.address}?task={failed}")
    expect(page.get_by_label("Traceback of attempt 2")).to_be_visible()
    expect(page.get_by_text("You are not allowed to retry this task.")).to_be_visible()
    check(page, axe)
    page.goto(f"{host.address}?q=nothing")
    expect(page.get_by_role("heading", name="No task matches")).to_be_visible()
    check(page, axe)
    host.policy.is_open = False
    page.goto(host.address)
    expect(
        page.get_by_role("heading", name="You may not see background tasks here")
    ).to_be_visible()
    check(page, axe)


# Tasks that mean harm

HOSTILE = [
    "<script>window.harmed = 1</script>",
    "<img src=x onerror='window.harmed = 1'>",
    "</title><svg onload=window.harmed=1>",
    "{{constructor.constructor('window.harmed=1')()}}",
    "\u202egnp.exe \u2066\u2067 مرحبا بالعالم",
    "👩‍👩‍👧‍👦🏳️‍🌈 emoji",
    "W" * 1000,
]


@pytest.mark.parametrize("width", [360, 1440])
def test_hostile_tasks_are_only_text(host: DashboardHost, open_page: OpenPage, width: int) -> None:
    megabyte = "<b>x</b>" * 131_072
    payload = {
        "<script>window.harmed = 2</script>": HOSTILE,
        "__proto__": {"harmed": True},
        "long": megabyte,
        "many": list(range(5000)),
        "deep": json.loads("[" * 60 + "1" + "]" * 60),
    }
    for text in HOSTILE[1:]:
        host.submit(text, owner=text[:200])
    task_id = host.submit(HOSTILE[0], owner=HOSTILE[1])
    host.tell(task_id, (5, HOSTILE[1], payload))
    page = open_page(viewport={"width": width, "height": 800})
    for text in HOSTILE:
        expect(names(page).get_by_text(text[:300], exact=True)).to_be_visible()
    heights = page.locator(".rows .row").evaluate_all(
        "rows => rows.map(row => row.scrollHeight - row.offsetHeight)"
    )
    assert max(heights) <= 1
    page.goto(f"{host.address}?owner={quote(HOSTILE[1])}")
    row(page, HOSTILE[0]).locator(".name a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE[0])
    tree = page.get_by_role("region", name="Payload")
    expect(tree).to_contain_text("<script>window.harmed = 2</script>: 7 items")
    expect(tree).to_contain_text("__proto__: 1 field")
    tree.get_by_role("button", name="Show all 1,048,576 characters").click()
    expect(tree.get_by_role("button", name="Show less")).to_be_visible()
    assert tree.get_by_label("The whole text").evaluate("text => text.textContent") == megabyte
    tree.locator("summary", has_text="many: 5,000 items").click()
    expect(tree.get_by_role("button", name="Show more (4,900 are left)")).to_be_visible()
    for _ in range(5):
        tree.locator("details:not([open]) > summary", has_text="0: 1 item").last.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("window.harmed") is None
    assert page.evaluate("Object.prototype.harmed") is None
    assert page.locator("main script, main img, main b b").count() == 0
    # The page goes on: what was opened is still there after the next report.
    host.tell(task_id, (6, "still here", payload))
    expect(page.locator(".wide-progress")).to_contain_text("still here")
    expect(tree.get_by_role("button", name="Show less")).to_be_visible()


def test_a_list_is_read_anew_where_the_task_it_goes_on_after_is_gone(
    host: DashboardHost, open_page: OpenPage
) -> None:
    host.stop()
    fill(host.database, 400)
    host.start()
    page = open_page()
    refused: list[str] = []

    def refuse_once(route: Any) -> None:
        refused.append(route.request.url)
        if len(refused) > 1:
            route.continue_()
        else:
            route.fulfill(status=400, json={"detail": "cursor is 'x'; accepted: another one"})

    page.route(re.compile("cursor="), refuse_once)
    grid = page.get_by_role("grid")
    grid.focus()
    with page.expect_response(lambda answer: "cursor=" in answer.url and answer.ok):
        for _ in range(3):
            grid.press("End")
            page.wait_for_timeout(200)
    expect(page.get_by_text("accepted: another one")).to_have_count(0)


def test_the_policy_of_the_page_forbids_what_a_hole_would_need(open_page: OpenPage) -> None:
    page = open_page()
    made = """() => {
        try { document.body.insertAdjacentHTML("beforeend", "<i id=made></i>") } catch {}
        const script = document.createElement("script");
        try { script.textContent = "window.harmed = 1"; document.body.append(script) } catch {}
        return [document.getElementById("made"), window.harmed ?? null];
    }"""
    context = page.context
    other = context.new_page()  # its console may complain
    other.goto(page.url)
    assert other.evaluate(made) == [None, None]


def forget(database: Path, task_id: Any) -> None:
    import sqlite3

    connection = sqlite3.connect(database)
    with connection:
        connection.execute("DELETE FROM tasks WHERE id = ?", (task_id.bytes,))
    connection.close()
