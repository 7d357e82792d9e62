"""What tests of the dashboard share: opened pages, and where things are on them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.browser import note_problems
from tests.acceptance.operator_answers import answer_instead

SLOW = 30_000
"""Milliseconds for what waits for a lost connection."""

OpenPage = Callable[..., Page]

# A browser reports each refused request and broken socket as an error; those are tested for.
_EXPECTED = re.compile("the server responded with a status of|WebSocket connection to|ERR_CONN")


@contextmanager
def opened_pages(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages, each by its address; with ``answers`` some come from the test in the server's
    place, with ``state`` it waits for that of the connection. At the end no page may have had an
    error, nor looked elsewhere."""
    problems: list[str] = []
    contexts, requests = [], []

    def open_page(address: str, *, answers: Any = None, state: str = "", **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        note_problems(page, problems)
        page.on("request", lambda request: requests.append(request.url))
        if answers:
            answer_instead(page, answers)
        page.goto(address)
        if state:
            expect(page.locator(".connection")).to_have_text(state)
        return page

    yield open_page
    for context in contexts:
        context.close()
    elsewhere = [url for url in requests if not url.startswith("http://127.0.0.1:")]
    assert elsewhere == []
    assert [text for text in problems if not _EXPECTED.search(text)] == []


def tab(page: Page, word: str) -> Locator:
    return page.locator(f".tabs .{word}")


def count(page: Page, word: str) -> Locator:
    return tab(page, word).locator(".count")


def row(page: Page, name: str) -> Locator:
    return page.locator(".rows .row", has=page.get_by_role("link", name=name, exact=True))


def names(page: Page) -> Locator:
    return page.locator(".rows .row .name a")


def figure(page: Page, word: str) -> Locator:
    return page.locator(".figures li", has=page.get_by_text(word, exact=True))


def check(page: Page, axe: str) -> None:
    """No rule of axe-core is broken, and nothing sticks out to the side."""
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run()).violations")
    told = [
        f"{item['id']}: {node['html']}\n{node['failureSummary']}"
        for item in found
        for node in item["nodes"]
    ]
    assert not told, "\n".join(told)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
