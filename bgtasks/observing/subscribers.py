"""Who wants to know of changes in this process: of tasks as they are stored, and of types."""

import logging
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from bgtasks.concurrency.lasting import ends_this_task

__all__ = ["Subscribers"]

logger: logging.Logger = logging.getLogger(__name__)

Changed = TypeVar("Changed")
"""What is changed: the record of a task, or of a type."""


class Subscribers(Generic[Changed]):
    """Handlers of changes; each has its turn, whatever another one raises. ``name`` says of what a
    change is, in the log."""

    def __init__(self, name: Callable[[Changed], str]) -> None:
        self._name = name
        self._handlers: dict[object, tuple[Callable[[Changed], None], Callable[[], bool]]] = {}

    def subscribe(
        self, handler: Callable[[Changed], None], wanted: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
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

    def tell(self, record: Changed) -> None:
        """Call every handler with a change."""
        self.tell_all((record,))

    def tell_all(self, records: Iterable[Changed]) -> None:
        """Call every handler with each change, one change after the other."""
        for record in records:
            for handler, _ in self._handlers.values():
                try:
                    handler(record)
                except BaseException as error:
                    if ends_this_task(error):
                        raise
                    logger.exception("a change handler failed for %s", self._name(record))
