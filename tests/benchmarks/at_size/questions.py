"""What the dashboard asks of the server, over HTTP, and what each answer costs."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from at_size.ended_tasks import NEEDLE

__all__ = ["Answered", "Asker", "answers"]

MOUNT = "/background-tasks"
TIMES = 3
MOST_PAGES = 100


@frozen
class Answered:
    """What a question took: its slowest answer of some (of a search with all its pages, the slowest
    page), how long the server's loop was held by it at most, what the longest garbage collection
    took, and how many bytes it had."""

    slowest_ms: float
    held_ms: float
    late_ms: float
    collected_ms: float
    bytes: int
    pages: int = 1
    all_ms: float = 0.0


class Asker:
    """A connection to the server."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, query: Any = (), body: Any = None) -> tuple[float, bytes]:
        """Milliseconds until there was an answer, and the answer."""
        address = f"{MOUNT}/api/{path}{'?' if query else ''}{urlencode(query)}"
        began = time.perf_counter()
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
        answer, text = self._send(method, address, content)
        taken = (time.perf_counter() - began) * 1000
        if answer.status >= 400:
            raise RuntimeError(f"{address}: {answer.status} {text[:300]!r}")
        return taken, text

    def data(self, path: str, query: Any = ()) -> Any:
        """The answer alone."""
        return json.loads(self.ask(path, query)[1])

    def held(self) -> dict[str, float]:
        """How long the loop was held since this was asked last."""
        found: dict[str, float] = json.loads(self._send("GET", "/held")[1])
        return found

    def begin(self, tasks: int, seconds: float) -> None:
        """Have tasks report."""
        self._send("POST", f"/begin?tasks={tasks}&seconds={seconds}")

    def _send(
        self, method: str, address: str, body: str | None = None
    ) -> tuple[HTTPResponse, bytes]:
        for _ in range(2):
            self._connection.request(method, address, body, {"content-type": "application/json"})
            try:
                answer = self._connection.getresponse()
                return answer, answer.read()
            except RemoteDisconnected:  # a server lets go of a connection that is not used
                self._connection.close()
        raise OSError(f"no answer to {address}")


def answers(asker: Asker) -> Iterator[tuple[str, Answered | str]]:
    """Each question by its name, and its answer, or why there was none."""
    for name, path, query, body in _questions(asker):
        try:
            yield name, _answered(asker, path, query, body)
        except (RuntimeError, OSError) as error:
            yield name, str(error)


def _answered(asker: Asker, path: str, query: Any, body: Any) -> Answered:
    asker.held()
    taken, sizes, pages, whole = [], [], 0, 0.0
    for _ in range(TIMES):
        began, cursor, pages = time.perf_counter(), None, 0
        while pages < MOST_PAGES:
            asked = {**query, **({} if cursor is None else {"cursor": cursor})}
            milliseconds, text = asker.ask(path, asked, body)
            taken.append(milliseconds)
            sizes.append(len(text))
            pages += 1
            cursor = json.loads(text).get("nextCursor") if "q" in query else None
            if cursor is None or json.loads(text)["items"]:
                break
        whole = (time.perf_counter() - began) * 1000
        if whole > 5_000:
            break
    held = asker.held()
    return Answered(max(taken), **held, bytes=max(sizes), pages=pages, all_ms=whole)


def _questions(asker: Asker) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """Name, path, query, and body."""
    newest = asker.data("tasks", {"limit": 1})["items"][0]["id"]
    failed = asker.data("tasks", {"limit": 1, "status": "Failed"})["items"][0]["id"]
    for name in ("me", "stats", "types", "processes", "schedules"):
        yield name, name, {}, None
    for name, days in (("24 hours", 1), ("7 days", 7), ("30 days", 30)):
        span = {"from": _ago(days), "to": _ago(0)}
        yield f"history of {name}", "stats/history", span, None
        yield f"failures of {name}", "failures", span, None
    group = asker.data("failures", {"from": _ago(7)})["items"][0]["group"]
    yield "history of a type", "stats/history", {"type": "Copy"}, None
    yield "tasks, newest 50", "tasks", {}, None
    yield "tasks, newest 200", "tasks", {"limit": 200}, None
    for name, query in (
        ("of a type", {"type": "Scan"}),
        ("failed", {"status": "Failed"}),
        ("running (none)", {"status": "Running"}),
        ("of an owner", {"owner": "ada"}),
        ("waiting (none)", {"view": "waiting"}),
        ("of a failure", {"error": group}),
        ("oldest first", {"sort": "created"}),
        ("by their start", {"sort": "-started"}),
        ("by their end", {"sort": "ended"}),
        ("of two days", {"created": f"{_ago(5)}..{_ago(3)}"}),
        ("ended in an hour, by their end", {"ended": f"{_ago(1.04)}..{_ago(1)}", "sort": "-ended"}),
        ("with the argument share", {"args.share": "photos"}),
        ("search, many hits", {"q": "movie"}),
        ("search, the oldest task", {"q": NEEDLE}),
        ("search, no hit", {"q": "nothing-has-this"}),
        ("search among failed, no hit", {"q": "nothing-has-this", "status": "Failed"}),
        ("counted as well", {"count": "true"}),
    ):
        yield f"tasks {name}", "tasks", query, None
    yield "payloads of a page", "tasks", {"include": "payload,arguments", "limit": 200}, None
    yield "a task with 2 MB", f"tasks/{newest}", {}, None
    for name in ("attempts", "logs", "permissions"):
        yield f"{name} of a task", f"tasks/{failed}/{name}", {}, None
    for name, query in (
        ("all", {}),
        ("of an owner", {"owner": "ada"}),
        ("scheduled", {"view": "scheduled", "status": "Pending"}),
        ("of a failure", {"error": group}),
        ("of a search among failed", {"q": "movie", "status": "Failed"}),
        ("of an hour", {"created": f"{_ago(1.04)}..{_ago(1)}"}),
    ):
        yield f"counts {name}", "tasks/counts", query, None
    for name, query in (
        ("all", {}),
        ("of an owner", {"owner": "ada"}),
        ("failed", {"status": "Failed"}),
    ):
        body = {"action": "delete", "filter": query}
        yield f"bulk dry run, {name}", "tasks/bulk", {"dryRun": "true"}, body


def _ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")
