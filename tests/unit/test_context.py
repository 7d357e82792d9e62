"""What a worker reports, and what becomes of it."""

import logging
import math
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest

from bgtasks import BackgroundTaskState, SerializationError
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cancellation import CancellationSource
from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import TaskRecord
from bgtasks.execution.context import AttemptContext
from bgtasks.testing import FakeClock
from tests.hosts.scripted import Progress, Work

Call = Callable[[AttemptContext], None]


class Told:
    """A context, and how often it told that there is something new."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.changes = 0
        self.decisions = 0
        task = Work()
        now = self.clock.now()
        record = TaskRecord(
            task.id, "Work", "work", "{}", now, now, "ann", status=Status.RUNNING, started_at=now,
            revision=5, attempt=2,
        )  # fmt: skip
        self.source = CancellationSource()
        self.context = AttemptContext(
            task,
            record,
            None,
            self.source.token,
            encode=TaskCodec().encode_payload,
            now=self.clock.now,
            owner=self,
        )

    def reported(self) -> None:
        self.changes += 1

    def declared(self) -> None:
        self.decisions += 1

    def is_cancel_requested(self) -> bool:
        return self.source.is_cancelled

    def encode_result(self, result: object) -> str | None:
        return TaskCodec().encode_payload(result)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def context(told: Told) -> AttemptContext:
    return told.context


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (42, 42.0),
        (100, 100.0),
        (-1, 0.0),
        (1e300, 100.0),
        (100.0001, 100.0),
        (10**400, 100.0),
        (Decimal("33.5"), 33.5),
        (Fraction(401, 4), 100.0),
        (True, 1.0),
    ],
)
def test_progress_outside_0_to_100_is_clamped(
    context: AttemptContext, given: float, shown: float
) -> None:
    context.report_progress(given)
    assert context.state.progress == shown
    assert type(context.state.progress) is float


@pytest.mark.parametrize("progress", [math.nan, math.inf, -math.inf])
def test_progress_that_is_not_finite_is_refused(context: AttemptContext, progress: float) -> None:
    with pytest.raises(ValueError, match=str(progress)):
        context.report_progress(progress)
    assert context.state.progress == 0.0


def test_progress_that_is_no_number_is_refused(context: AttemptContext) -> None:
    with pytest.raises(TypeError, match="50%"):
        context.report_progress("50%")  # type: ignore[arg-type]


def test_a_status_message_that_is_no_text_is_refused(context: AttemptContext) -> None:
    with pytest.raises(TypeError, match="status_message is 7"):
        context.report_status(7)  # type: ignore[arg-type]


def test_what_is_left_out_stays_as_it_is(context: AttemptContext) -> None:
    context.report_progress(10.0, "copying", payload=Progress(1))
    context.report_progress(20.0)
    assert context.state.status_message == "copying"
    assert context.state.payload == Progress(1)
    context.report_status("still copying")
    assert (context.state.progress, context.state.payload) == (20.0, Progress(1))
    context.set_payload(Progress(2))
    assert (context.state.progress, context.state.status_message) == (20.0, "still copying")


def test_none_clears(context: AttemptContext) -> None:
    context.report_progress(10.0, "copying", payload=Progress(1))
    context.report_status(None, payload=None)
    assert (context.state.status_message, context.state.payload) == (None, None)
    context.set_payload(Progress(1))
    context.set_payload(None)
    report = context.collect()
    assert report is not None
    assert report.payload is None
    context.report_progress(10.0, None)
    assert context.state.status_message is None


def test_each_report_makes_a_new_snapshot_and_leaves_the_old_one_as_it_was(
    context: AttemptContext,
) -> None:
    before = context.state
    context.report_progress(10.0)
    assert (before.progress, context.state.progress) == (0.0, 10.0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        context.state.progress = 5.0  # type: ignore[misc]


def test_a_payload_that_is_no_json_is_refused_at_the_call_and_changes_nothing(
    context: AttemptContext,
) -> None:
    payload = Progress(object())  # type: ignore[arg-type]
    reports: list[Callable[[], None]] = [
        lambda: context.set_payload(payload),
        lambda: context.report_progress(5.0, payload=payload),
        lambda: context.report_status("x", payload=payload),
    ]
    for report in reports:
        with pytest.raises(SerializationError, match=r"payload\.copied_bytes"):
            report()
    assert (context.state.progress, context.state.status_message) == (0.0, None)


def test_a_payload_that_is_changed_after_it_was_reported_is_stored_as_it_was(
    context: AttemptContext,
) -> None:
    payload = {"copied": 1}
    context.set_payload(payload)
    payload["copied"] = 2
    report = context.collect()
    assert report is not None
    assert report.payload == '{"copied":1}'


def test_many_reports_tell_once_until_they_are_collected(told: Told) -> None:
    for percent in range(50):
        told.context.report_progress(percent)
    assert told.changes == 1
    report = told.context.collect()
    assert report is not None
    assert report.progress == 49.0
    assert told.context.collect() is None
    told.context.report_status("more")
    assert told.changes == 2


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_final_status_is_decided_at_once_and_dated(told: Told, status: Status) -> None:
    told.clock.advance(3.0)
    told.context.set_status(status, "over", error_message="why")
    assert (told.decisions, told.context.decision) == (1, status)
    state = told.context.state
    assert (state.status_message, state.error_message) == ("over", "why")
    assert state.completed_at == told.clock.now()
    assert state.progress == (100.0 if status is Status.COMPLETED else 0.0)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED, Status.FAILED])
def test_a_status_is_set_together_with_a_payload(told: Told, status: Status) -> None:
    """FAULTS 42: as ``set_status(status, status_message, payload, error_message)`` of old."""
    told.context.set_payload(Progress(1))
    told.context.set_status(status, "half", payload=Progress(2), error_message="why")
    assert told.context.state.payload == Progress(2)
    report = told.context.close()
    assert report is not None
    assert (report.status_message, report.error_message) == ("half", "why")
    assert report.payload == '{"copiedBytes":2,"totalBytes":100}'


def test_a_status_without_a_payload_leaves_it_and_with_none_clears_it(told: Told) -> None:
    told.context.set_payload(Progress(1))
    told.context.set_status(Status.RUNNING)
    assert told.context.state.payload == Progress(1)
    told.context.set_status(Status.COMPLETED, payload=None)
    assert told.context.state.payload is None
    report = told.context.close()
    assert report is not None
    assert report.payload is None


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"payload": Progress(object())}, SerializationError, r"payload\.copied_bytes"),  # type: ignore[arg-type]
        ({"status_message": 7}, TypeError, "status_message is 7"),
        ({"error_message": OSError("no")}, TypeError, r"error_message is OSError\('no'\)"),
    ],
)
def test_a_status_whose_arguments_cannot_be_used_is_not_set(
    told: Told, arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        told.context.set_status(Status.FAILED, **arguments)
    assert (told.decisions, told.context.decision) == (0, None)
    assert told.context.state.status is Status.RUNNING


def test_info_is_the_task_as_others_see_it_with_the_newest_state(told: Told) -> None:
    """FAULTS 42"""
    context = told.context
    assert (context.info.owner, context.info.attempt, context.info.revision) == ("ann", 2, 5)
    assert (context.info.status, context.info.cancel_requested) == (Status.RUNNING, False)
    context.report_progress(40.0, "copying", payload=Progress(40))
    info, state = context.info, context.state
    for field in attrs.fields(BackgroundTaskState):
        assert getattr(info, field.name) == getattr(state, field.name)
    told.source.cancel()
    assert context.info.cancel_requested
    context.set_status(Status.COMPLETED)
    assert (context.info.status, context.info.completed_at) == (
        Status.COMPLETED,
        told.clock.now(),
    )


def test_running_may_be_set_and_decides_nothing(told: Told) -> None:
    told.context.set_status(Status.RUNNING, "yes")
    assert (told.decisions, told.context.decision, told.changes) == (0, None, 1)
    assert told.context.state.status_message == "yes"


def test_pending_cannot_be_set(context: AttemptContext) -> None:
    with pytest.raises(ValueError, match="PENDING"):
        context.set_status(Status.PENDING)
    assert context.state.status is Status.RUNNING


def test_what_is_no_status_cannot_be_set(context: AttemptContext) -> None:
    with pytest.raises(ValueError, match="Paused"):
        context.set_status("Paused")  # type: ignore[arg-type]


LATE: dict[str, Call] = {
    "report_progress": lambda context: context.report_progress(1.0),
    "report_status": lambda context: context.report_status("late"),
    "set_payload": lambda context: context.set_payload({"late": 1}),
    "set_status": lambda context: context.set_status(Status.FAILED),
}


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("ended_by", ["a final status", "the end of the attempt"])
def test_reports_after_the_end_change_nothing_and_are_logged_once(
    told: Told, late: str, ended_by: str, caplog: pytest.LogCaptureFixture
) -> None:
    if ended_by == "a final status":
        told.context.set_status(Status.COMPLETED)
    else:
        told.context.close()
    before, decisions = told.context.state, told.decisions
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            LATE[late](told.context)
    assert told.context.state is before
    assert told.decisions == decisions
    warnings = [record for record in caplog.records if "ignored" in record.getMessage()]
    assert len(warnings) == 1
    assert str(told.context.task.id) in warnings[0].getMessage()


def test_what_many_threads_report_is_all_there(context: AttemptContext) -> None:
    """Each thread changes its own field; had one overwritten a snapshot, a field would be old."""
    rounds, barrier = 300, threading.Barrier(3)

    def report(call: Callable[[int], None]) -> None:
        barrier.wait()
        for number in range(rounds + 1):
            call(number)

    threads = [
        threading.Thread(target=report, args=[call])
        for call in (
            lambda number: context.report_progress(number / rounds * 100),
            lambda number: context.report_status(str(number)),
            lambda number: context.set_payload({"number": number}),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = context.state
    assert (state.progress, state.status_message) == (100.0, str(rounds))
    assert state.payload == {"number": rounds}
    report_ = context.collect()
    assert report_ is not None
    assert report_.payload == f'{{"number":{rounds}}}'


def test_of_many_final_statuses_exactly_one_counts(told: Told) -> None:
    barrier = threading.Barrier(8)

    def decide(status: Status) -> None:
        barrier.wait()
        told.context.set_status(status)

    statuses = [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.COMPLETED] * 2
    threads = [threading.Thread(target=decide, args=[status]) for status in statuses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.decisions == 1


def test_lone_surrogates_in_messages_become_question_marks(context: AttemptContext) -> None:
    context.report_status("caf\udce9")
    report = context.collect()
    assert report is not None
    assert report.status_message == "caf?"


def test_endless_messages_are_cut(context: AttemptContext) -> None:
    context.report_status("x" * 100_000)
    report = context.collect()
    assert report is not None
    assert len(report.status_message or "") == 4000
