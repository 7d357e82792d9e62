"""A page of a listing, as the manager gives it."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from attrs import frozen

from bgtasks.models import BackgroundTaskInfo

__all__ = ["BackgroundTaskPage"]


@frozen
class BackgroundTaskPage(Sequence[BackgroundTaskInfo[Any]]):
    """Tasks, newest accepted first; itself a sequence of them.

    ``next_cursor`` goes into the next call of ``get_tasks`` and is ``None`` on the last page.
    """

    items: tuple[BackgroundTaskInfo[Any], ...]
    next_cursor: str | None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[BackgroundTaskInfo[Any]]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> BackgroundTaskInfo[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[BackgroundTaskInfo[Any]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> BackgroundTaskInfo[Any] | Sequence[BackgroundTaskInfo[Any]]:
        return self.items[index]
