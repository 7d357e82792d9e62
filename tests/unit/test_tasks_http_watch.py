"""Following a task over HTTP, through whatever happens to the connection."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from bgtasks import BackgroundTaskStatus as Status
from bgtasks import TaskNotFoundError
from bgtasks.cli.usage import CommandFailedError, UnavailableError
from bgtasks.errors import NotAllowedError

from .tasks_command_support import ID, answering, wire

Answer = Callable[[], httpx.Response]


class Stream(httpx.AsyncByteStream):
    """An event stream that breaks after its events, or ends."""

    def __init__(self, *events: bytes, breaks: bool = False) -> None:
        self._events, self._breaks = events, breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n: still here\n\n"
        for event in self._events:
            yield event
        if self._breaks:
            raise httpx.ReadError("cut")


def updated(**changes: Any) -> bytes:
    return f"event: TaskUpdated\ndata: {json.dumps(wire(**changes))}\n\n".encode()


def streaming(*events: bytes, breaks: bool = False) -> Answer:
    return lambda: httpx.Response(200, stream=Stream(*events, breaks=breaks))


def snapshot(**changes: Any) -> Answer:
    return lambda: httpx.Response(200, json=wire(**changes))


def failing(status: int = 503) -> Answer:
    return lambda: httpx.Response(status)


def gone() -> httpx.Response:
    raise httpx.ConnectError("refused")


async def watched(*answers: Answer, **bounds: Any) -> list[int]:
    """The revisions that came, when requests are answered so, one after the other."""
    left: Iterator[Answer] = iter(answers)
    async with answering(lambda _: next(left)(), pause=0.0, **bounds) as client:
        seen = [info.revision async for info in client.watch(ID)]
    assert list(left) == []
    return seen


DONE: dict[str, Any] = {"revision": 9, "status": Status.COMPLETED}


async def test_what_it_is_then_what_is_new_then_the_end() -> None:
    stream = streaming(updated(revision=3), updated(revision=4), updated(**DONE))
    assert await watched(snapshot(revision=3), stream) == [3, 4, 9]


async def test_a_task_that_is_over_needs_no_stream() -> None:
    assert await watched(snapshot(**DONE)) == [9]


async def test_older_snapshots_and_other_tasks_are_left_out() -> None:
    other = str(ID).replace("1", "2")
    foreign = {**wire(revision=8), "id": other}
    stream = streaming(
        updated(revision=2),
        f"event: TaskUpdated\ndata: {json.dumps(foreign)}\n\n".encode(),
        b"event: Other\ndata: not json\n\n",
        updated(**DONE),
    )
    assert await watched(snapshot(revision=3), stream) == [3, 9]


@pytest.mark.parametrize("end", [streaming(), streaming(breaks=True), failing(), failing(429)])
async def test_a_connection_that_ends_is_opened_again(end: Answer) -> None:
    answers = [snapshot(revision=3), end, snapshot(revision=5), streaming(updated(**DONE))]
    assert await watched(*answers) == [3, 5, 9]


async def test_an_application_that_starts_anew_is_waited_for() -> None:
    answers = [snapshot(revision=3), streaming(breaks=True), lambda: gone(), failing(502)]
    assert await watched(*answers, snapshot(**DONE)) == [3, 9]


async def test_an_application_that_does_not_come_back_is_given_up() -> None:
    with pytest.raises(CommandFailedError, match="the task goes on without you"):
        await watched(snapshot(), streaming(breaks=True), give_up=0.0)


async def test_an_application_that_is_not_there_at_first_is_not_waited_for() -> None:
    with pytest.raises(UnavailableError):
        await watched(lambda: gone())


async def test_a_task_that_is_dropped_meanwhile_is_noticed() -> None:
    missing = httpx.Response(
        404, json={"detail": "gone"}, headers={"content-type": "application/problem+json"}
    )
    with pytest.raises(TaskNotFoundError, match="gone"):
        await watched(snapshot(), streaming(breaks=True), lambda: missing)


@pytest.mark.parametrize(
    ("event", "error", "said"),
    [
        (b'event: Refused\ndata: {"error": "not \\u001b you"}\n\n', NotAllowedError, r"not \\x1b"),
        (b"event: Refused\ndata: 1\n\n", NotAllowedError, "None"),
        (b"event: TaskUpdated\ndata: {\n\n", CommandFailedError, "no JSON"),
        (b"event: TaskUpdated\ndata: {}\n\n", CommandFailedError, "not a task"),
        (b"x" * (1 << 20), CommandFailedError, "too much"),
    ],
)
async def test_what_ends_it_at_once(event: bytes, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        await watched(snapshot(), streaming(event), max_event=10_000)
