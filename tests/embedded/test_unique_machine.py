"""Whatever happens to unique tasks: at most one holds a key, and what waits is never forgotten."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bgtasks.backends.embedded import upkeep
from bgtasks.backends.embedded.database import open_database
from bgtasks.backends.embedded.openings import Openings
from bgtasks.backends.embedded.task_file import TaskFile
from bgtasks.backends.task_store import Step
from bgtasks.core.events import (
    CancelRequested,
    Completed,
    Ended,
    Event,
    Failed,
    Interrupted,
    Outcome,
    RetryRequested,
)
from bgtasks.core.keys import FOLLOWED, UNTIL_ENDED, UNTIL_STARTED, key_behind
from bgtasks.core.lifecycle import decide
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import PruneRule
from bgtasks.errors import TaskStateError
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock
from bgtasks.testing.conformance_types import make_registry

TYPES = {"Quick": UNTIL_ENDED, "Other": UNTIL_STARTED, "Replacing": FOLLOWED}
OUTCOMES = [
    Completed(),
    Failed("it broke"),
    Failed("it broke", retry_after=timedelta(seconds=5)),
    Interrupted("a stop", counted=False),
    Interrupted("a crash", may_rerun=False),
]
places = st.integers(0, 9)


class UniqueTasks(RuleBasedStateMachine):
    """One file and the process that runs its tasks, each step a transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, registry = FakeClock(), make_registry()
        self.connection = open_database(":memory:")
        openings = Openings(registry, 3, registry.names(), self.clock.now)
        self.file = TaskFile(self.connection, registry, openings, self.clock)
        self.file.queue.serving = True

    def teardown(self) -> None:
        self.connection.close()

    def do(self, operation: Any) -> Any:
        """One transaction, as the writer makes it."""
        self.file.transaction.begin()
        try:
            return operation()
        finally:
            self.file.claim()
            self.file.transaction.commit()

    def tasks(self) -> list[TaskRecord]:
        rows = self.connection.execute("SELECT id FROM tasks ORDER BY sequence").fetchall()
        ids = [type(uuid7())(bytes=row[0]) for row in rows]
        found = self.file.find(ids)
        return [found[task_id] for task_id in ids]

    def one(self, status: str, place: int) -> TaskRecord | None:
        found = [item for item in self.tasks() if item.status == status]
        return found[place % len(found)] if found else None

    def ask(self, record: TaskRecord | None, event: Event) -> None:
        change = None if record is None else decide(record, event, self.clock.now())
        if change is not None:
            self.do(lambda: self.file.write([change]))

    @rule(
        type_name=st.sampled_from([*TYPES, "Replacing"]),
        key=st.just("k"),
        at_least=st.sampled_from([None, None, 10]),
        delay=st.sampled_from([None, None, 3]),
    )
    def submit(self, type_name: str, key: str, at_least: int | None, delay: int | None) -> None:
        now, task_id, key = self.clock.now(), uuid7(), f"{type_name} {key}"
        due = None if delay is None else now + timedelta(seconds=delay)
        record = TaskRecord(
            task_id,
            type_name,
            type_name,
            f'{{"id":"{task_id}"}}',
            now,
            now,
            scheduled_at=due,
            due_at=due,
            key=key,
            held_key=key,
            key_until=None if at_least is None else now + timedelta(seconds=at_least),
            key_rule=TYPES[type_name],
        )
        before = {item.id for item in self.tasks()}
        holders = self.do(lambda: self.file.submit([record]))
        after = {item.id for item in self.tasks()}
        if holders:
            assert after == before
            assert holders[0].id in before
            assert holders[0].key == key
        else:
            assert after - before == {task_id}

    @rule(place=places, outcome=st.sampled_from(OUTCOMES))
    def end(self, place: int, outcome: Outcome) -> None:
        record = self.one("Running", place)
        if record is None:
            return
        change = decide(record, Ended(record.attempt, outcome), self.clock.now())
        step = Step((record.sequence, record.attempt), change, over=True)
        assert self.do(lambda: self.file.settle([step])) == [step]

    @rule(place=places)
    def cancel(self, place: int) -> None:
        self.ask(self.one("Pending", place) or self.one("Running", place), CancelRequested())

    @rule(place=places, status=st.sampled_from(["Failed", "Cancelled"]))
    def retry(self, place: int, status: str) -> None:
        record = self.one(status, place)
        try:
            self.ask(record, RetryRequested())
        except TaskStateError as error:
            assert record is not None
            (holder,) = (item for item in self.tasks() if item.id == error.existing)
            assert holder.held_key == record.key
            assert holder.id != record.id

    @rule(seconds=st.sampled_from([1, 4, 11]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.do(self.file.look)

    @precondition(lambda self: self.tasks())
    @rule()
    def prune(self) -> None:
        before = self.clock.now() - timedelta(seconds=2)
        self.do(lambda: upkeep.prune(self.file, PruneRule(timedelta(0)), before, 10, before))

    @invariant()
    def a_key_has_one_holder_and_one_follower_at_most(self) -> None:
        tasks = self.tasks()
        held = Counter(item.held_key for item in tasks if item.held_key is not None)
        assert all(count == 1 for count in held.values())
        for record in tasks:
            if record.held_key == key_behind(str(record.key)):
                (holder,) = (item for item in tasks if item.held_key == record.key)
                assert not holder.status.is_final, "what waits behind it would wait for ever"

    @invariant()
    def who_is_not_final_holds_its_key(self) -> None:
        tasks = [item for item in self.tasks() if item.key_rule != UNTIL_STARTED]
        for record in tasks:
            if not record.status.is_final:
                assert record.held_key in (record.key, key_behind(str(record.key)))
            elif record.held_key is not None:
                assert record.key_until is not None
        running = Counter(item.key for item in tasks if item.status == "Running")
        assert all(count == 1 for count in running.values())


TestUniqueTasks = UniqueTasks.TestCase
TestUniqueTasks.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
