"""The transition function: examples of each step, and what holds after any sequence of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.backends import columns
from bgtasks.core.events import (
    Cancelled,
    CancelRequested,
    Claimed,
    Completed,
    Ended,
    Event,
    Failed,
    Held,
    Interrupted,
    NotBegun,
    Outcome,
    Released,
    Replaced,
    Report,
    Reported,
    RetryRequested,
    TurnCame,
    TypeUnknown,
    VersionUnknown,
)
from bgtasks.core.keys import FOLLOWED, UNTIL_ENDED, UNTIL_STARTED
from bgtasks.core.lifecycle import Change, decide
from bgtasks.core.record import TaskRecord, turn_of, waiting_for
from bgtasks.models import BackgroundTaskStatus as Status

T0 = datetime(2026, 1, 1, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)
WAITING = TaskRecord(UUID(int=7), "Work", "work", "{}", T0, T0, status_message="Pending")
NEWER = WAITING._replace(
    id=UUID(int=8), name="newer", data='{"id":"8"}', priority=3, scheduled_at=T1, due_at=T1
)
REPORT = Report(40.0, "copying", None, '{"a":1}')

reports = st.builds(
    Report,
    st.floats(0, 100),
    st.none() | st.text(max_size=5),
    st.none() | st.text(max_size=5),
    st.none() | st.just("{}"),
)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.just(Completed()),
    st.just(Cancelled()),
    st.builds(Failed, st.text(min_size=1, max_size=5)),
    st.builds(
        Failed,
        st.text(min_size=1, max_size=5),
        st.just("Traceback"),
        st.timedeltas(timedelta(0), timedelta(days=1)),
        st.sampled_from(["failed", "timed out"]),
    ),
    st.builds(
        Interrupted, st.just("a crash"), st.booleans(), st.integers(1, 4), counted=st.booleans()
    ),
    st.just(NotBegun("its claim was not answered")),
)
attempts = st.integers(0, 4)
events: st.SearchStrategy[Event] = st.one_of(
    st.just(Claimed()),
    st.builds(Reported, attempts, reports),
    st.builds(Ended, attempts, outcomes, st.none() | reports),
    st.just(CancelRequested()),
    st.just(RetryRequested()),
    st.just(Replaced(NEWER)),
    st.just(TurnCame(None)),
    st.just(TypeUnknown()),
    st.just(VersionUnknown("needs version 2")),
    st.just(Held()),
    st.just(Released()),
)


def after(record: TaskRecord, *happened: Event) -> TaskRecord:
    for event in happened:
        change = decide(record, event, T1)
        assert change is not None, event
        record = change.after
    return record


def history(sequence: list[Event]) -> list[tuple[TaskRecord, Event, Change | None]]:
    """What each event of a sequence did, from a task that was just accepted."""
    record, steps = WAITING, []
    for number, event in enumerate(sequence):
        change = decide(record, event, T0 + timedelta(seconds=number))
        steps.append((record, event, change))
        record = record if change is None else change.after
    return steps


def expected_status(record: TaskRecord, event: Event) -> Status | None:
    """An independent model of DESIGN section 3: where the event leads, None if nowhere."""
    pending, running = record.status == "Pending", record.status == "Running"
    match event:
        case Claimed():
            return Status.RUNNING if pending and not record.held else None
        case Held():
            return Status.PENDING if pending and not record.held else None
        case Released():
            return Status.PENDING if record.held else None
        case Reported(attempt, _):
            return Status.RUNNING if running and attempt == record.attempt else None
        case CancelRequested():
            if pending:
                return Status.CANCELLED
            return Status.RUNNING if running and not record.cancel_requested else None
        case RetryRequested():
            return Status.PENDING if record.status in ("Failed", "Cancelled") else None
        case Replaced():
            return Status.PENDING if pending else None
        case TurnCame():
            return None  # it waits behind nobody
        case TypeUnknown():
            says_so = record.status_message == "Waiting: no worker is registered for Work"
            return Status.PENDING if pending and not says_so else None
        case VersionUnknown():
            says_so = record.status_message == "Waiting: needs version 2"
            return Status.PENDING if pending and not says_so else None
        case Ended(attempt, outcome, _):
            if not running or attempt != record.attempt:
                return None
            return expected_end(record, outcome)


def expected_end(record: TaskRecord, outcome: Outcome) -> Status:
    match outcome:
        case Completed():
            return Status.COMPLETED
        case Cancelled():
            return Status.CANCELLED
        case Failed():
            again = outcome.retry_after is not None and not record.cancel_requested
            return Status.PENDING if again else Status.FAILED
        case Interrupted():
            if record.cancel_requested:
                return Status.CANCELLED
            bounded = not outcome.counted or record.interruptions + 1 < outcome.max_interruptions
            return Status.PENDING if outcome.may_rerun and bounded else Status.FAILED
        case NotBegun():
            return Status.CANCELLED if record.cancel_requested else Status.PENDING


@given(st.lists(events, max_size=25))
def test_every_step_leads_where_an_independent_model_says(sequence: list[Event]) -> None:
    for record, event, change in history(sequence):
        status = expected_status(record, event)
        assert (change.after.status if change else None) == status


@given(st.lists(events, max_size=25))
def test_each_change_raises_the_revision_by_one_and_is_dated(sequence: list[Event]) -> None:
    for number, (record, _, change) in enumerate(history(sequence)):
        if change is not None:
            assert change.before is record
            assert change.after.revision == record.revision + 1
            assert change.after.changed_at == T0 + timedelta(seconds=number)


@given(st.lists(events, max_size=25))
def test_a_final_task_changes_by_a_manual_retry_alone(sequence: list[Event]) -> None:
    for record, event, change in history(sequence):
        if record.status.is_final and change is not None:
            assert isinstance(event, RetryRequested)
            assert record.status is not Status.COMPLETED


@given(st.lists(events, max_size=25))
def test_only_the_attempt_that_holds_the_task_changes_it(sequence: list[Event]) -> None:
    for record, event, change in history(sequence):
        if isinstance(event, Reported | Ended) and change is not None:
            assert (record.status, record.attempt) == (Status.RUNNING, event.attempt)


@given(st.lists(events, max_size=25))
def test_a_task_runs_by_a_claim_alone_and_each_claim_is_a_new_attempt(
    sequence: list[Event],
) -> None:
    for record, event, change in history(sequence):
        if change is None:
            continue
        assert change.after.attempt == record.attempt + isinstance(event, Claimed)
        if change.after.status is Status.RUNNING is not record.status:
            assert isinstance(event, Claimed)


@given(st.lists(events, max_size=25))
def test_final_records_are_whole_and_waiting_ones_are_open(sequence: list[Event]) -> None:
    for _, _, change in history(sequence):
        if change is None:
            continue
        record = change.after
        assert (record.completed_at is not None) == record.status.is_final
        assert 0.0 <= record.progress <= 100.0
        if record.status is Status.COMPLETED:
            assert record.progress == 100.0
        if record.status is Status.FAILED:
            assert record.error_message
        if record.status is not Status.PENDING:
            assert record.due_at is None


@given(st.lists(events, max_size=25))
def test_every_attempt_that_does_not_complete_goes_into_the_history(sequence: list[Event]) -> None:
    for record, event, change in history(sequence):
        if change is None:
            continue
        if isinstance(event, Ended) and not isinstance(event.outcome, Completed):
            (row,) = change.beside
            assert (row.attempt, row.ended_at) == (record.attempt, change.after.changed_at)
            assert (row.started_at, row.process) == (record.started_at, record.process)
            if change.after.status is Status.FAILED:
                assert row.error_group == change.after.error_group
                assert row.ended_at == change.after.failed_at
        else:
            assert change.beside == ()


@given(st.lists(events, max_size=25))
def test_what_was_accepted_changes_by_a_replacement_alone(sequence: list[Event]) -> None:
    for _, event, change in history(sequence):
        if change is not None and not isinstance(event, Replaced):
            kept = ("id", "type", "name", "data", "owner", "priority", "created_at")
            assert all(getattr(change.after, name) == getattr(change.before, name) for name in kept)


def moved(change: Change) -> set[str]:
    """The fields that a change gives another value."""
    pairs = zip(TaskRecord._fields, change.before, change.after, strict=True)
    return {name for name, before, now in pairs if before != now}


@given(st.lists(events, max_size=25))
def test_every_field_that_a_step_changes_is_among_those_that_stores_write(
    sequence: list[Event],
) -> None:
    for _, event, change in history(sequence):
        if change is None:
            continue
        if isinstance(event, Replaced):
            assert moved(change) <= set(columns.REPLACED)
        else:
            assert moved(change) <= set(columns.CHANGED)
        if isinstance(event, Reported):
            assert moved(change) <= set(columns.REPORTED)
        is_end = isinstance(event, Ended) and change.after.status.is_final
        if is_end and "interruptions" not in moved(change):
            failed = columns.FAILED if change.after.status is Status.FAILED else ()
            assert moved(change) <= {*columns.ENDED, *failed}


@given(st.lists(events, max_size=25))
def test_the_same_question_has_the_same_answer(sequence: list[Event]) -> None:
    for number, (record, event, change) in enumerate(history(sequence)):
        assert decide(record, event, T0 + timedelta(seconds=number)) == change


@given(st.integers(1, 6))
def test_interruptions_end_in_failure_after_as_many_as_allowed(allowed: int) -> None:
    record, interrupted = WAITING, 0
    while not record.status.is_final:
        record = after(record, Claimed())
        event = Ended(record.attempt, Interrupted("a crash", True, allowed))
        record = after(record, event)
        interrupted += 1
    assert (interrupted, record.status) == (allowed, Status.FAILED)
    assert f"Interrupted {allowed} times" in (record.error_message or "")


@given(st.integers(1, 3), st.integers(1, 60))
def test_orderly_stops_may_come_as_often_as_they_like(allowed: int, stops: int) -> None:
    record = WAITING  # FAULTS 37
    for _ in range(stops):
        record = after(record, Claimed())
        stopped = Interrupted("the application stopped", True, allowed, counted=False)
        record = after(record, Ended(record.attempt, stopped))
    assert (record.status, record.interruptions) == (Status.PENDING, 0)


def test_an_attempt_that_never_began_costs_nothing_even_where_nothing_may_rerun() -> None:
    record = after(
        WAITING, Claimed(), Ended(1, NotBegun("its claim was not answered"))
    )  # FAULTS 45
    assert (record.status, record.interruptions, record.failures) == (Status.PENDING, 0, 0)
    assert after(record, Claimed()).attempt == 2


def test_a_claim_clears_what_the_attempt_before_showed() -> None:
    retried = Ended(1, Failed("no", retry_after=timedelta(0)), REPORT)
    record = after(WAITING, Claimed(), retried, Claimed())
    assert (record.progress, record.status_message, record.error_message) == (0.0, None, None)
    assert (record.started_at, record.attempt) == (T1, 2)


def test_a_failure_that_is_retried_waits_until_it_is_due_and_shows_why() -> None:
    failed = Failed("no", "Traceback", timedelta(seconds=30))
    change = decide(after(WAITING, Claimed()), Ended(1, failed, REPORT), T1)
    assert change is not None
    record = change.after
    assert record.status is Status.PENDING
    assert record.due_at == record.scheduled_at == T1 + timedelta(seconds=30)
    assert (record.error_message, record.failures) == ("no", 1)
    (failure,) = change.beside
    assert (failure.outcome, failure.traceback) == ("failed", "Traceback")


def test_a_failure_is_not_retried_once_cancellation_was_asked_for() -> None:
    running = after(WAITING, Claimed(), CancelRequested())
    record = after(running, Ended(1, Failed("no", retry_after=timedelta(0))))
    assert record.status is Status.FAILED


def test_an_interrupted_task_whose_cancellation_was_asked_for_is_cancelled() -> None:
    running = after(WAITING, Claimed(), CancelRequested())
    assert after(running, Ended(1, Interrupted("a stop"))).status is Status.CANCELLED


def test_a_task_that_may_not_rerun_fails_at_its_first_interruption() -> None:
    record = after(WAITING, Claimed(), Ended(1, Interrupted("a crash", may_rerun=False)))
    assert record.status is Status.FAILED
    assert "a crash" in (record.error_message or "")


def test_the_last_report_is_kept_in_the_final_record() -> None:
    record = after(WAITING, Claimed(), Ended(1, Cancelled(), REPORT))
    assert (record.progress, record.status_message, record.payload) == (40.0, "copying", '{"a":1}')


def test_a_manual_retry_counts_failures_and_interruptions_anew_but_not_attempts() -> None:
    failed = after(WAITING, Claimed(), Ended(1, Failed("no"), REPORT))
    record = after(failed, RetryRequested())
    assert (record.status, record.failures, record.interruptions) == (Status.PENDING, 0, 0)
    assert (record.attempt, record.completed_at, record.cancel_requested) == (1, None, False)


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.COMPLETED])
def test_only_failed_and_cancelled_tasks_are_retried_by_hand(status: Status) -> None:
    assert decide(WAITING._replace(status=status), RetryRequested(), T1) is None


def test_a_task_of_an_unknown_type_says_once_what_it_waits_for() -> None:
    record = after(WAITING, TypeUnknown())
    assert record.status is Status.PENDING
    assert "Work" in (record.status_message or "")
    assert decide(record, TypeUnknown(), T1) is None


KEYED = WAITING._replace(key="k", held_key="k", key_rule=UNTIL_ENDED)


@given(st.lists(events, max_size=25), st.sampled_from([UNTIL_ENDED, FOLLOWED]))
def test_a_key_is_held_exactly_while_the_task_is_not_final(
    sequence: list[Event], rule: str
) -> None:
    record = KEYED._replace(key_rule=rule)
    for event in sequence:
        change = decide(record, event, T1)
        record = record if change is None else change.after
        assert record.held_key == (None if record.status.is_final else "k")


@given(st.lists(events, max_size=25))
def test_a_key_that_is_held_until_the_start_is_never_taken_again_after_it(
    sequence: list[Event],
) -> None:
    record = KEYED._replace(key_rule=UNTIL_STARTED)
    for event in sequence:
        change = decide(record, event, T1)
        record = record if change is None else change.after
        is_held = record.attempt == 0 and not record.status.is_final
        assert record.held_key == ("k" if is_held else None)


def test_a_replacement_keeps_id_owner_and_key_of_the_task() -> None:
    ada = KEYED._replace(owner="ada", failures=2, progress=40.0, payload="1", error_message="oh")
    newer = after(ada, Replaced(NEWER._replace(owner="ada")))
    assert (newer.id, newer.owner, newer.key, newer.held_key) == (ada.id, "ada", "k", "k")
    assert newer.data == f'{{"id":"{ada.id}"}}'
    assert (newer.name, newer.priority, newer.due_at) == ("newer", 3, T1)
    assert (newer.failures, newer.progress, newer.payload, newer.error_message) == (
        0,
        0,
        None,
        None,
    )


@given(st.lists(events, max_size=25))
def test_only_a_waiting_task_waits_for_its_turn_and_then_for_no_time(
    sequence: list[Event],
) -> None:
    for record, _, change in history(sequence):
        for state in (record, change.after if change else record):
            assert not state.held or (state.status is Status.PENDING and state.due_at is None)


def test_a_held_task_says_that_it_waits_for_its_turn_until_it_comes() -> None:
    held = after(WAITING._replace(turn_key='"ada"'), Held())
    assert (waiting_for(held), turn_of(held)) == ("turn", None)
    released = after(held, Released())
    assert (waiting_for(released), turn_of(released)) == (None, ("Work", '"ada"'))


def test_a_task_that_waits_for_a_time_takes_no_turn_and_says_so_until_then() -> None:
    failed = Ended(1, Failed("no", retry_after=timedelta(seconds=5)))
    retried = after(WAITING._replace(turn_key='"ada"'), Claimed(), failed)
    assert not turn_of(retried)
    assert waiting_for(retried, T1) == "time"
    assert waiting_for(retried, T1 + timedelta(seconds=5)) is None


def test_a_running_or_interrupted_task_keeps_its_turn_and_a_final_one_has_none() -> None:
    running = after(WAITING._replace(turn_key='"ada"'), Claimed())
    assert turn_of(running)
    assert turn_of(after(running, Ended(1, Interrupted("a crash"))))
    assert not turn_of(after(running, Ended(1, Completed())))
    assert not turn_of(after(WAITING, Claimed()))
