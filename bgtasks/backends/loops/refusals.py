"""What the store refuses for its values, and will refuse whenever it is tried."""

from collections.abc import Callable, Sequence

from bgtasks.backends.loops.backlog import Backlog, Entry
from bgtasks.backends.task_store import TaskStore
from bgtasks.clock import Clock, Timer
from bgtasks.core.events import Ended, Failed, Reported

__all__ = ["Refusals"]

NOT_STORED = "The outcome could not be stored: "
"""How the message of an attempt begins whose outcome the store can never take."""


class Refusals:
    """Each entry of a refused batch is sent alone, so that the others are written. A report that
    is refused then is dropped. An outcome becomes a failure that says so. If even that is refused,
    the outcome is set aside for ``seconds``, so that others need not wait for it.

    ``again()`` is called when the backlog has an entry that was set aside.
    """

    def __init__(
        self,
        store: TaskStore,
        backlog: Backlog,
        clock: Clock,
        seconds: float,
        again: Callable[[], None],
    ) -> None:
        self._store = store
        self._backlog = backlog
        self._clock = clock
        self._seconds = seconds
        self._again = again
        self._aside: dict[Entry, Timer] = {}
        self._is_stopping = False

    def __bool__(self) -> bool:
        return bool(self._aside)

    def add(self, refused: Sequence[Entry], error: BaseException) -> None:
        """A batch was refused."""
        if len(refused) > 1:
            for entry in refused:
                entry.is_alone = True
                self._backlog.put_back(entry)
        else:
            self._one(refused[0], self._store.reason_of(error))

    def stop(self) -> None:
        """Try once more what was set aside; from now on nothing is."""
        self._is_stopping = True
        for entry, timer in self._aside.items():
            timer.cancel()
            self._backlog.put_back(entry)
        self._aside.clear()

    def _one(self, entry: Entry, reason: str) -> None:
        if isinstance(entry.event, Reported):
            entry.log("a report of task %s cannot be stored: %s", reason)
            return
        entry.log("how task %s ended cannot be stored: %s", reason)
        if not entry.stands_in:
            entry.event = Ended(entry.run.attempt, Failed(f"{NOT_STORED}{reason}"))
            entry.stands_in = True
            self._backlog.put_back(entry)
        elif self._is_stopping:
            entry.give_up()
        else:
            self._set_aside(entry)

    def _set_aside(self, entry: Entry) -> None:
        def again() -> None:
            del self._aside[entry]
            self._backlog.put_back(entry)
            self._again()

        self._aside[entry] = self._clock.call_later(self._seconds, again)
