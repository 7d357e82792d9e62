"""Tasks over HTTP: what an application may answer, and what is made of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from bgtasks import QueryError, TaskNotFoundError, TaskStateError
from bgtasks.cli.tasks import http_tasks
from bgtasks.cli.tasks.client import PageRequest, TaskClient
from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.usage import CommandFailedError, UnavailableError
from bgtasks.core.task_filter import TaskFilter
from bgtasks.errors import NotAllowedError

from .tasks_command_support import ID, MOUNTED_AT, answering, task, wire

ANY = PageRequest()


def problem(status: int, detail: Any) -> httpx.Response:
    body = json.dumps({"title": "t", "status": status, "detail": detail})
    return httpx.Response(
        status, content=body, headers={"content-type": "application/problem+json; charset=utf-8"}
    )


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, QueryError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (404, TaskNotFoundError),
        (409, TaskStateError),
        (418, CommandFailedError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_problem_becomes_an_error_that_says_the_same(
    status: int, error: type[Exception]
) -> None:
    async with answering(lambda _: problem(status, "because \x1b[2J of it")) as client:
        with pytest.raises(error, match=r"because \\x1b\[2J of it"):
            await client.get(ID)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>", headers={"content-type": "text/html"}),
        httpx.Response(404, text="Not Found"),
        problem(404, "there is nothing at /elsewhere"),
        httpx.Response(405, text="Method Not Allowed"),
        httpx.Response(422, content=b"{", headers={"content-type": "application/problem+json"}),
        httpx.Response(422, json=[1]),
    ],
)
async def test_what_is_no_answer_of_ours_leads_to_the_mount_address(
    response: httpx.Response,
) -> None:
    async with answering(lambda _: response) as client:
        with pytest.raises(CommandFailedError, match="where the application mounts"):
            await client.list(ANY)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.list(ANY),
        lambda client: client.count(TaskFilter()),
        lambda client: client.types(),
        lambda client: client.matching("retry", TaskFilter()),
        lambda client: client.change_all("retry", TaskFilter(), 1),
    ],
)
async def test_where_nothing_is_named_nothing_can_be_missing_but_the_application(
    ask: Callable[[TaskClient], Awaitable[Any]],
) -> None:
    """The address is below the mount point, whose application says that there is nothing."""
    async with answering(lambda _: problem(404, "there is nothing at /api/api")) as client:
        with pytest.raises(CommandFailedError, match="where the application mounts"):
            await ask(client)


async def test_who_is_not_let_in_is_told_how_to_log_in() -> None:
    async with answering(lambda _: problem(403, "no")) as client:
        with pytest.raises(NotAllowedError, match="no; log in with --header"):
            await client.get(ID)


async def test_who_has_given_a_header_is_not_told_to_give_one() -> None:
    address = HttpAddress.parse(MOUNTED_AT, ["X-API-Key: k"])
    async with answering(lambda _: problem(403, "no"), address=address) as client:
        with pytest.raises(NotAllowedError, match=r"no$"):
            await client.get(ID)


async def test_a_redirect_is_not_followed_with_what_is_secret() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/"})

    async with answering(handler) as client:
        with pytest.raises(CommandFailedError, match=r"leads on to https://elsewhere\.example/"):
            await client.get(ID)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "data",
    [
        1,
        [],
        {},
        {**wire(), "id": "1"},
        {**wire(), "status": "Sleeping"},
        {**wire(), "progress": "NaN"},
        {**wire(), "progress": 1e300},
        {**wire(), "createdAt": "2026-01-01T00:00:00"},
        {**wire(), "createdAt": "0001-01-01T00:00:00+23:00"},
        {**wire(), "revision": None},
    ],
)
async def test_what_is_no_task_is_refused(data: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=data)) as client:
        with pytest.raises(CommandFailedError, match="not a task"):
            await client.get(ID)


async def test_a_payload_that_a_list_leaves_out_is_told_from_none() -> None:
    items = [wire(), {**wire(), "payloadOmitted": True}, {**wire(), "payloadOmitted": 1}]
    page = {"items": items, "nextCursor": None}
    async with answering(lambda _: httpx.Response(200, json=page)) as client:
        assert [i.payload_omitted for i in await client.list(ANY)] == [False, True, False]


@pytest.mark.parametrize("data", [[], {"items": 1}, {"items": [1]}, {"nextCursor": "t1"}])
async def test_what_is_no_page_is_refused(data: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=data)) as client:
        with pytest.raises(CommandFailedError, match=r"not a (page of )?task"):
            await client.list(ANY)
        with pytest.raises(CommandFailedError, match="not a list of attempts"):
            await client.attempts(ID)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"1" * 10_000, b"\xff"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    headers = {"content-type": "application/json"}
    async with answering(lambda _: httpx.Response(200, content=body, headers=headers)) as client:
        with pytest.raises(CommandFailedError):
            await client.get(ID)


async def test_an_answer_without_end_is_given_up() -> None:
    endless = httpx.Response(200, json=["x" * 2000])
    async with answering(lambda _: endless, max_answer=1000) as client:
        with pytest.raises(CommandFailedError, match="more than 1,000 bytes"):
            await client.list(ANY)


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        return await asyncio.Future[httpx.Response]()

    async with answering(handler, answer=0.01) as client:
        with pytest.raises(UnavailableError, match="did not answer within 0 seconds"):
            await client.get(ID)


async def test_an_application_that_is_not_there() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    async with answering(handler) as client:
        with pytest.raises(UnavailableError, match="Connection refused; is the application run"):
            await client.get(ID)


async def test_a_long_list_is_read_in_pages_up_to_the_limit() -> None:
    asked: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        asked.append(query)
        items = [wire()] * int(query["limit"])
        return httpx.Response(200, json={"items": items, "nextCursor": f"t{len(asked)}"})

    async with answering(handler) as client:
        assert await client.list(PageRequest(limit=120)) == [task()] * 120
    assert asked == [
        {"limit": "50"},
        {"limit": "50", "cursor": "t1"},
        {"limit": "20", "cursor": "t2"},
    ]


async def test_pages_without_tasks_are_not_read_for_ever() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"items": [], "nextCursor": "t1"})

    async with answering(handler) as client:
        assert await client.list(ANY) == []
    assert len(asked) == http_tasks.MAX_PAGES
