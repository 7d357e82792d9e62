"""What somebody should look at."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import attrs
import pytest

from bgtasks.core.attention import MAX_ATTENTION, needs_attention
from bgtasks.core.overview import Overview, Pause, Since
from bgtasks.models import BackgroundTaskStatus, ProcessInfo

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PENDING = BackgroundTaskStatus.PENDING
FINE = Overview({}, 0, 0, None, 0, {}, None, {})
PROCESS = ProcessInfo(
    id=uuid4(),
    host="one",
    pid=7,
    runs_tasks=True,
    types=("Copy",),
    running=2,
    max_concurrency=4,
    started_at=NOW - timedelta(hours=1),
    seen_at=NOW,
    alive=True,
)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def told(overview: Overview = FINE, *processes: ProcessInfo) -> list[Any]:
    return list(needs_attention(overview, processes or (PROCESS,), NOW))


def test_where_all_is_well_nothing_needs_attention() -> None:
    counts = {("Copy", PENDING): 3, ("Copy", BackgroundTaskStatus.FAILED): 9}
    oldest = {"Copy": Since(uuid4(), "Copy", ago(seconds=2))}
    assert told(FINE._replace(counts=counts, oldest=oldest)) == []


def test_a_process_that_ended_without_a_word() -> None:
    lost = attrs.evolve(PROCESS, alive=False, seen_at=ago(minutes=3))
    (found,) = told(FINE, PROCESS, lost)
    assert (found.kind, found.since) == ("lost", ago(minutes=3))
    assert found.text == "process 7 on one ended without a word; 2 tasks ran in it"


def test_one_task_is_said_to_be_one() -> None:
    lost = attrs.evolve(PROCESS, alive=False, running=1)
    texts = [item.text for item in told(FINE._replace(counts={("Copy", PENDING): 1}), lost)]
    assert texts[0].endswith("; 1 task ran in it")
    assert texts[1] == "nobody runs Copy: 1 task waits"


@pytest.mark.parametrize("change", [{"alive": False}, {"runs_tasks": False}, {"types": ("Other",)}])
def test_a_type_that_nobody_runs(change: dict[str, Any]) -> None:
    overview = FINE._replace(
        counts={("Copy", PENDING): 3}, oldest={"Copy": Since(uuid4(), "Copy", ago(seconds=9))}
    )
    found = [item for item in told(overview, attrs.evolve(PROCESS, **change)) if item.type]
    assert [(item.kind, item.text, item.since) for item in found] == [
        ("unrun", "nobody runs Copy: 3 tasks wait", ago(seconds=9))
    ]
    assert found[0].filter == {"type": "Copy", "status": "Pending"}


def test_an_event_loop_that_came_round_late() -> None:
    (found,) = told(FINE, attrs.evolve(PROCESS, loop_lag_ms=2500.0))
    assert found.kind == "blocked"
    assert found.text == "the event loop of process 7 on one came round 2.5 seconds late"
    assert told(FINE, attrs.evolve(PROCESS, loop_lag_ms=999.0)) == []


def test_a_task_that_waits_for_long_unless_its_type_is_paused() -> None:
    overview = FINE._replace(oldest={"Copy": Since(uuid4(), "Copy", ago(minutes=6))})
    (found,) = told(overview)
    assert (found.kind, found.text) == ("waiting", "a Copy has waited for 6 minutes")
    assert found.filter == {"type": "Copy", "view": "waiting"}
    (found,) = told(overview._replace(paused={"Copy": Pause(ago(hours=1), "no disk")}))
    assert (found.kind, found.text, found.since) == (
        "paused",
        "Copy is paused: no disk",
        ago(hours=1),
    )


def test_a_running_task_that_shows_nothing_new() -> None:
    (found,) = told(FINE._replace(silent=Since(uuid4(), "Copy", ago(hours=3))))
    assert found.kind == "silent"
    assert found.text == "a Copy runs and has shown nothing new for 3 hours"


def test_there_is_an_end_to_what_is_told() -> None:
    lost = attrs.evolve(PROCESS, alive=False)
    assert len(told(FINE, *[lost] * 200)) == MAX_ATTENTION


@pytest.mark.parametrize(
    ("lately", "usually", "told_of"),
    [
        ((5, 10), (1, 100), True),
        ((5, 10), None, True),
        ((4, 4), (0, 100), False),
        ((9, 100), (0, 100), False),
        ((50, 100), (20, 100), False),
    ],
)
def test_a_type_that_fails_far_above_its_usual(
    lately: tuple[int, int], usually: tuple[int, int] | None, told_of: bool
) -> None:
    before = {} if usually is None else {"Copy": usually}
    found = needs_attention(FINE, [PROCESS], NOW, {"Copy": lately}, before)
    assert [(item.kind, item.type) for item in found] == [("failing", "Copy")] * told_of
