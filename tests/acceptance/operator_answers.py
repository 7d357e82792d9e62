"""Answers of the server that a test of the dashboard gives in its place, to show what no short test
brings about: an hour of history, failures by the dozen, a process that is lost."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, Route

TRACEBACK = """Traceback (most recent call last):
  File "/srv/venv/lib/python3.11/site-packages/bgtasks/execution/attempt.py", line 195, in run
    await self._work(scope, self._context)
  File "/srv/app/exports.py", line 77, in copy_file
    shutil.copyfile(source, target)
  File "/usr/lib/python3.11/shutil.py", line 256, in copyfile
    with open(dst, "wb") as fdst:
OSError: [Errno 28] No space left on device"""


def ago(**how: float) -> str:
    return (datetime.now(UTC) - timedelta(**how)).isoformat().replace("+00:00", "Z")


def percentiles(half: float) -> dict[str, float]:
    return {"p50": half, "p95": 4 * half, "p99": 9 * half}


def history(unknown: int = 10) -> dict[str, Any]:
    """The last hour, of which the first minutes are not known."""
    names = ("submitted", "started", "completed", "failed", "cancelled", "retried")
    levels = ("waiting", "running", "waitMs", "runMs")
    points: list[dict[str, Any]] = []
    for minute in range(60):
        known: dict[str, Any] = dict.fromkeys((*names, *levels))
        if minute >= unknown:
            known |= dict.fromkeys(names, 2) | {"waiting": minute, "running": 5}
            known |= {"waitMs": percentiles(10 * minute + 1), "runMs": percentiles(900)}
        points.append({"at": ago(minutes=60 - minute), **known})
    return {"step": 60, "knownSince": ago(minutes=60 - unknown), "points": points}


def stats(**other: Any) -> dict[str, Any]:
    return {
        "asOf": ago(),
        "waiting": 1284,
        "scheduled": 12,
        "retrying": 7,
        "running": 38,
        "cancelling": 1,
        "completed": 120_331,
        "failed": 61,
        "cancelled": 9,
        "oldestWaiting": None,
        "nextScheduledAt": ago(minutes=-4),
        "places": 40,
        "processes": {"alive": 3, "lost": 1},
        "attention": [
            {
                "kind": "failing",
                "type": "ExportTask",
                "since": ago(minutes=50),
                "text": "ExportTask fails: 61 of 80 in the last hour",
                "filter": {"type": "ExportTask", "status": "Failed"},
            },
            {
                "kind": "lost",
                "type": None,
                "since": ago(minutes=3),
                "text": "A process is lost: worker-3, pid 4411",
                "filter": None,
            },
        ],
        **other,
    }


def process(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "host": f"worker-{number}",
        "pid": 4400 + number,
        "release": "1.4.2",
        "runsTasks": True,
        "types": ["ExportTask"],
        "running": 12,
        "places": 20,
        "startedAt": ago(hours=5),
        "seenAt": ago(seconds=2),
        "alive": True,
        "loopLagMs": 3.2,
        "rssBytes": 181_000_000,
        "tasks": [],
        **other,
    }


Answers = Mapping[str, tuple[int, Any]]


def answer_instead(page: Page, answers: Answers) -> None:
    """Have the server's answers replaced: by what comes behind ``api/``, a status and the JSON."""

    def reply(route: Route) -> None:
        path = re.sub(r"^.*?/api/", "", route.request.url).partition("?")[0]
        if path not in answers:
            route.fallback()
            return
        status, data = answers[path]
        route.fulfill(status=status, content_type="application/json", body=json.dumps(data))

    page.route(re.compile("/api/"), reply)
