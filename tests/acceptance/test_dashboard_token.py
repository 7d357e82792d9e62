"""The dashboard of an application that wants a bearer token, in headless Chromium."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

sys.path.append(str(Path(__file__).parents[2]))

from examples.access.bearer_token import TOKENS, BearerToken, TokenPolicy
from tests.acceptance.browser import needs_browser
from tests.acceptance.dashboard import SLOW
from tests.hosts.dashboard_host import MOUNT, DashboardHost

REFUSED = "You may not see background tasks here"

pytestmark = [pytest.mark.browser, needs_browser]


class Gate:
    """Answers the API's requests without a known token itself; lets the page and the websocket
    pass, which have none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"].startswith(f"{MOUNT}/api/"):
            sent = dict(scope["headers"]).get(b"authorization", b"").decode()
            if sent.removeprefix("Bearer ") not in TOKENS:
                app = PlainTextResponse("no", 401, {"WWW-Authenticate": "Bearer"})
        await app(scope, receive, send)


@pytest.fixture(params=["the policy refuses", "a middleware refuses"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DashboardHost]:
    middleware = [Middleware(AuthenticationMiddleware, backend=BearerToken())]
    if request.param == "a middleware refuses":
        middleware.insert(0, Middleware(Gate))
    running = DashboardHost(tmp_path / "tasks.db", access=TokenPolicy(), middleware=middleware)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def give(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Use this token").click()


def test_without_a_token_nothing_is_shown_and_nothing_is_sent(
    host: DashboardHost, page: Page
) -> None:
    task_id = host.submit("Copy secret.mkv", owner="alice")
    received: list[str] = []
    page.on("response", lambda answer: received.append(answer.url))
    page.on("websocket", lambda hub: hub.on("framereceived", lambda f: received.append(str(f))))
    for query in ("?page=tasks", f"?task={task_id}"):
        with page.expect_response(lambda answer: "/api/" in answer.url) as answered:
            page.goto(host.address + query)
        assert answered.value.status in (401, 403)
        assert "secret" not in answered.value.text()
        expect(page.get_by_role("heading", name=REFUSED)).to_be_visible()
        expect(page.locator(".connection")).to_have_text("Not live")
        host.tell(task_id, (50, "a secret", {"secret": 1}))
        expect(page.get_by_text("secret")).to_have_count(0)
        assert "secret" not in page.title()
    assert [text for text in received if "secret" in text] == []


def test_with_a_token_lists_updates_and_cancelling_work(host: DashboardHost, page: Page) -> None:
    host.submit("Copy bobs.mkv", owner="bob")
    task_id = host.submit("Copy film.mkv", owner="alice")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda hub: asked.append(hub.url))
    page.goto(f"{host.address}?page=tasks")
    give(page, "carols-token")
    expect(page.get_by_text("The token was not accepted.")).to_be_visible()
    give(page, " Bearer alices-token ")

    expect(page.locator(".connection")).to_have_text("Live")
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy film.mkv"])
    host.tell(task_id, (42, "reel 3", {"large": "x" * 5000}))
    expect(page.locator(".rows .row .percent")).to_have_text("42 %")
    page.get_by_role("link", name="Copy film.mkv").click()
    expect(page.get_by_role("region", name="Payload")).to_contain_text("Show all 5,000 characters")
    host.tell(task_id, (43, "reel 4", {"large": "x" * 6000}))
    expect(page.get_by_role("region", name="Payload")).to_contain_text("Show all 6,000 characters")
    page.get_by_role("button", name="Cancel task").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 1 task").click()
    expect(page.locator(".task-head .badge")).to_have_text("Cancelled")
    assert [url for url in asked if "token" in url] == []


def test_a_token_stays_for_the_tab_and_can_be_forgotten(host: DashboardHost, page: Page) -> None:
    host.submit("Copy film.mkv", owner="alice")
    page.goto(f"{host.address}?page=tasks")
    give(page, "alices-token")
    row = page.locator(".rows .row .name a")
    expect(row).to_have_text(["Copy film.mkv"])
    page.reload()
    expect(row).to_have_text(["Copy film.mkv"])
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie") == "{}"
    other = page.context.new_page()
    other.goto(host.address)
    expect(other.get_by_role("heading", name=REFUSED)).to_be_visible()

    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_role("heading", name=REFUSED)).to_be_visible()
    expect(page.get_by_text("The token was not accepted.")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


def test_a_page_of_the_application_may_give_the_token(host: DashboardHost, page: Page) -> None:
    host.submit("Copy film.mkv", owner="alice")
    page.goto(f"{host.address}assets/licenses.txt")  # any page of the same origin
    page.evaluate("sessionStorage.setItem('bgtasks-token', 'alices-token')")
    page.goto(f"{host.address}?page=tasks")
    expect(page.locator(".rows .row .name a")).to_have_text(["Copy film.mkv"])


def test_when_a_token_is_over_nothing_stays_and_another_may_be_given(
    host: DashboardHost, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.submit("Copy film.mkv", owner="alice")
    page.goto(f"{host.address}?page=tasks")
    give(page, "alices-token")
    row = page.locator(".rows .row .name a")
    expect(row).to_have_text(["Copy film.mkv"])
    host.stop()
    monkeypatch.delitem(TOKENS, "alices-token")
    monkeypatch.setitem(TOKENS, "new-token", "alice")
    host.start()
    expect(page.get_by_text("The token was not accepted.")).to_be_visible(timeout=SLOW)
    expect(row).to_have_count(0)
    give(page, "new-token")
    expect(row).to_have_text(["Copy film.mkv"])
    expect(page.locator(".connection")).to_have_text("Live")
