"""Who wants to know of changes in this process."""

import logging
from collections.abc import Callable

from bgtasks.backends.base import ChangeHandler
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.record import TaskRecord
from bgtasks.logs import log_fields

__all__ = ["Subscribers"]

logger = logging.getLogger(__name__)


class Subscribers:
    """Handlers of changes; each has its turn, whatever another one raises."""

    def __init__(self) -> None:
        self._handlers: dict[object, tuple[ChangeHandler, Callable[[], bool]]] = {}

    def add(self, handler: ChangeHandler, wanted: Callable[[], bool]) -> Callable[[], None]:
        """Call ``handler`` with each change; ``wanted`` says whether reading those of other
        processes is worthwhile. Returns how to unsubscribe."""
        key = object()
        self._handlers = {**self._handlers, key: (handler, wanted)}

        def unsubscribe() -> None:
            self._handlers = {k: item for k, item in self._handlers.items() if k is not key}

        return unsubscribe

    def is_anyone_listening(self) -> bool:
        """Whether changes that other processes made are worth reading."""
        return any(wanted() for _, wanted in self._handlers.values())

    def tell(self, record: TaskRecord) -> None:
        """Call every handler with a change."""
        for handler, _ in self._handlers.values():
            try:
                handler(record)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                logger.exception(
                    "a change handler failed for task %s", record.id, extra=log_fields(record)
                )
