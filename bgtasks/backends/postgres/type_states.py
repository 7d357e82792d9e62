"""Which types are paused: what is stored, as far as this process has heard of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from bgtasks.backends.postgres.database import WRITTEN, Database
from bgtasks.backends.postgres.reader import fetch_types
from bgtasks.backends.postgres.rereading import Rereading
from bgtasks.backends.postgres.server_errors import SERVER_ERRORS
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.task_types import TypeRecord
from bgtasks.observing.subscribers import Subscribers

__all__ = ["TypeStates"]

Pause = tuple[Any, str | None]
"""Since when and why a type is paused."""


class TypeStates:
    """Reads which types are paused at the start, and whenever a process says that this changed;
    then announces those that are other than before. ``wake`` is called where there are any:
    something may be claimed again, or what was claimed ahead may no longer begin."""

    def __init__(
        self, database: Database, subscribers: Subscribers[TypeRecord], wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._subscribers = subscribers
        self._wake = wake
        self._pauses: dict[str, Pause] = {}
        self._in_read = asyncio.Lock()
        self._reading = Rereading(
            "reading which types are paused",
            "does not say which types are paused",
            self._read,
            database,
        )

    def is_paused(self, type_name: str) -> bool:
        """Whether nothing of this type is to be claimed."""
        return type_name in self._pauses

    @property
    def trouble(self) -> str | None:
        """Why nothing is read, in words."""
        return self._reading.trouble

    async def start(self) -> None:
        """Know what is paused now, and from now on. Raises what the server raises."""
        self._pauses = await self._stored()
        self._reading.start()

    async def stop(self) -> None:
        """Read nothing more."""
        await self._reading.stop()

    def heard(self, _payload: str = "") -> None:
        """Some process has paused or resumed a type, or may have."""
        self._reading.soon()

    async def pause(self, type_name: str, reason: str | None) -> None:
        """Pause a type, in all processes; here as soon as this returns."""
        await self._change("pause_type", type_name, reason)

    async def resume(self, type_name: str) -> None:
        """Let it start again."""
        await self._change("resume_type", type_name)

    async def _change(self, statement: str, *values: Any) -> None:
        with self._database.asking(WRITTEN):
            await self._database.fetch(STATEMENTS[statement], *values)
        try:
            await self._read()
        except SERVER_ERRORS:
            self.heard()  # it is written: the loop tries again

    async def _stored(self) -> dict[str, Pause]:
        found = await self._database.fetch(STATEMENTS["paused_types"])
        return {name: (paused_at, reason) for name, paused_at, reason in found}

    async def _read(self) -> None:
        async with self._in_read:
            before, self._pauses = self._pauses, await self._stored()
            names = before.keys() | self._pauses.keys()
            changed = [name for name in names if before.get(name) != self._pauses.get(name)]
            if before.keys() != self._pauses.keys():
                self._wake()
            await self._announce(sorted(changed))

    async def _announce(self, names: Sequence[str]) -> None:
        if not names or not self._subscribers.is_anyone_listening():
            return
        async with self._database.connection() as connection:
            for record in await fetch_types(connection, names):
                self._subscribers.tell(record)
