"""Answers of the server that a test of the dashboard gives in its place, to show what no short test
brings about: an hour of history, failures by the dozen, a process that is lost."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute


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


def answers_of_an_hour(sample: str) -> dict[str, tuple[int, Any]]:
    """What an hour has brought; ``sample`` is the id of a task that failed."""
    group = {
        "group": "a1",
        "errorType": "OSError",
        "sample": "No space left on device: '/mnt/nas-2/export'",
        "frame": "copy_file in app/exports.py",
        "stillFailed": 61,
        "recovered": 4,
        "firstAt": ago(minutes=50),
        "lastAt": ago(minutes=1),
        "types": ["ExportTask"],
        "sampleTask": sample,
    }
    kind = {
        "name": "ExportTask",
        "registered": True,
        "options": {"maxConcurrency": 20, "timeout": 600, "retry": 3},
        "pausedAt": ago(hours=1),
        "pauseReason": "the provider is down",
        "waiting": 3,
        "running": 2,
        "oldestWaitingSince": ago(minutes=3),
        "perMinute": 12.5,
        "failureRate": 0.76,
        "waitMs": {"p50": 200, "p95": 800, "p99": 1800},
        "runMs": {"p50": 1500, "p95": 6000, "p99": 14_000},
        "processes": 3,
    }
    schedule = {
        "name": "nightly-rescan",
        "type": "ScanTask",
        "spec": "0 3 * * *",
        "inWords": "every day at 03:00",
        "timezone": "Europe/Berlin",
        "paused": False,
        "pausedAt": None,
        "nextTick": ago(hours=-5),
        "next": [ago(hours=-5), ago(hours=-29)],
        "lastTick": ago(hours=19),
        "lastTask": sample,
        "skipped": 1,
        "lastError": None,
        "last": [
            {
                "tick": ago(hours=19),
                "outcome": "submitted",
                "task": sample,
                "missed": 0,
                "message": None,
            },
            {
                "tick": ago(hours=43),
                "outcome": "skipped",
                "task": None,
                "missed": 2,
                "message": None,
            },
        ],
        "registered": True,
    }
    return {
        "stats": (200, stats()),
        "stats/history": (200, history()),
        "failures": (200, {"items": [group]}),
        "failures/a1/facets": (200, {"items": [{"value": "nas-2", "failed": 61, "total": 70}]}),
        "types": (200, {"items": [kind, {**kind, "name": "CopyTask", "pausedAt": None}]}),
        "processes": (200, {"items": [process(1, tasks=[sample]), process(3, alive=False)]}),
        "schedules": (200, {"items": [schedule], "nextCursor": None}),
    }


Answers = Mapping[str, tuple[int, Any]]


def answer_instead(page: Page, answers: Answers) -> None:
    """Have the server's answers replaced: by what comes behind ``api/``, a status and the JSON.
    Where those of ``stats`` are, none are pushed."""

    def reply(route: Route) -> None:
        path = re.sub(r"^.*?/api/", "", route.request.url).partition("?")[0]
        if path not in answers:
            route.fallback()
            return
        status, data = answers[path]
        route.fulfill(status=status, content_type="application/json", body=json.dumps(data))

    page.route(re.compile("/api/"), reply)
    if "stats" in answers:
        page.route_web_socket(re.compile("socket.io"), _without_stats)


def _without_stats(page: WebSocketRoute) -> None:
    server = page.connect_to_server()
    server.on_message(lambda text: None if "StatsUpdated" in str(text) else page.send(text))
