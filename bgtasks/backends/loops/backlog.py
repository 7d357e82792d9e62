"""Reports and outcomes of attempts that wait to be written."""

import logging
from collections.abc import Iterable
from itertools import chain

from attrs import define

from bgtasks.backends.loops.runs import Run
from bgtasks.backends.task_store import Step, Stored
from bgtasks.core.events import Ended, Reported
from bgtasks.logs import log_fields

__all__ = ["Backlog", "Entry"]

logger: logging.Logger = logging.getLogger(__name__)

BATCH_LENGTH = 8_000_000
"""Characters of payloads in one batch: PostgreSQL takes no message above 1 GB, and a smaller one
sooner."""


@define(eq=False)
class Entry(Step):
    """An event of a run that waits to be written.

    ``was_tried``: the store may have written it before, and the answer was lost. ``stands_in``:
    it replaces an outcome that cannot be stored. ``is_alone``: its batch has nothing else.
    ``stored`` is what was read when the task had moved on.
    """

    run: Run
    event: Reported | Ended
    was_tried: bool = False
    stands_in: bool = False
    is_alone: bool = False
    was_read: bool = False
    stored: Stored | None = None

    @property
    def owns_place(self) -> bool:
        """Whether the place of a run whose event changed nothing can be freed: the attempt was
        settled before, or the task has another place. Otherwise another attempt has the place."""
        if not self.was_read or self.stored is None or self.stored.place != self.place:
            return True
        record = self.stored.record
        return record.attempt == self.run.attempt and record.status.is_final

    @property
    def is_lost(self) -> bool:
        """Whether another attempt runs the task now."""
        if self.change is not None or not self.was_read or self.owns_place:
            return False
        is_own = self.stored is not None and self.stored.record.attempt == self.run.attempt
        return not (is_own and self.was_tried)

    @property
    def length(self) -> int:
        """The length of the payload in characters."""
        report = self.event.report
        return 0 if report is None or report.payload is None else len(report.payload)

    def give_up(self) -> None:
        """Log that the process ends before this is written. The stored task is still running."""
        if isinstance(self.event, Ended):
            self.log("how task %s ended is lost, it will run again")

    def log(self, message: str, *values: object) -> None:
        """Log an error of its task; the task's id is the first value of ``message``."""
        record = self.run.record
        logger.error(message, record.id, *values, extra=log_fields(record))


class Backlog:
    """At most one report and one outcome of each run."""

    def __init__(self) -> None:
        self._reports: dict[Run, Entry] = {}
        self._ends: dict[Run, Entry] = {}

    def __bool__(self) -> bool:
        return bool(self._ends or self._reports)

    @property
    def ends(self) -> list[Entry]:
        """The outcomes."""
        return list(self._ends.values())

    @property
    def has_ends(self) -> bool:
        """Whether an outcome waits."""
        return bool(self._ends)

    def report(self, run: Run, event: Reported) -> None:
        """Add a report. The newest one counts, and none after the outcome."""
        if run not in self._ends:
            self._reports[run] = Entry(run.place, None, False, run, event)

    def end(self, run: Run, event: Ended, *, over: bool) -> None:
        """Add an outcome. The first one counts; it carries the last report."""
        if self._reports:
            self._reports.pop(run, None)
        entry = self._ends.get(run)
        if entry is None:
            self._ends[run] = Entry(run.place, None, over, run, event)
        else:
            entry.over = entry.over or over

    def take(self, size: int, *, reports: bool) -> list[Entry]:
        """A batch of at most ``size`` entries, outcomes first; ``reports``: it may have some."""
        batch: list[Entry] = []
        length = 0
        for entry in self._waiting(reports=reports):
            length += entry.length
            is_full = len(batch) == size or length > BATCH_LENGTH or entry.is_alone
            if batch and (is_full or batch[0].is_alone):
                break
            batch.append(entry)
        for entry in batch:
            del (self._ends if isinstance(entry.event, Ended) else self._reports)[entry.run]
        return batch

    def put_back(self, entry: Entry) -> None:
        """Add an entry that could not be written, behind those that came meanwhile."""
        if isinstance(entry.event, Ended):
            later = self._ends.pop(entry.run, None)
            entry.over = entry.over or (later is not None and later.over)
            self._ends[entry.run] = entry
        elif entry.run not in self._ends:
            self._reports.setdefault(entry.run, entry)

    def _waiting(self, *, reports: bool) -> Iterable[Entry]:
        return chain(self._ends.values(), self._reports.values() if reports else ())
