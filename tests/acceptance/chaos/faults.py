"""What goes wrong, and where: said beforehand, and known once it has happened."""

import asyncio
import contextlib
from enum import Enum

from attrs import define, field, frozen

from tests.acceptance.chaos.statements import Kind, Statement

__all__ = ["Cut", "Fault", "Harm", "Refuse", "Side", "Stall", "Trap"]


class Side(Enum):
    """On which side of the server's work."""

    BEFORE = "before the server gets it"
    AFTER = "after the server did it"


@frozen
class Cut:
    """The connection ends; with ``everywhere`` all of them do, and nobody can connect for
    ``seconds``."""

    everywhere: bool = False
    seconds: float = 0.0


@frozen
class Stall:
    """Nothing moves for ``seconds``; with ``everywhere`` on no connection."""

    seconds: float
    everywhere: bool = False


@frozen
class Refuse:
    """The server answers with this error; a ``fatal`` one ends the connection."""

    sqlstate: str
    fatal: bool = False


Harm = Cut | Stall | Refuse


@frozen
class Fault:
    """``harm`` is done to statements of a ``kind``: after the first ``skip`` of them to so many
    ``times``."""

    kind: Kind
    harm: Harm
    side: Side = Side.BEFORE
    skip: int = 0
    times: int = 1

    def __str__(self) -> str:
        which = f"number {self.skip + 1} of " if self.skip else ""
        often = f" ({self.times} times)" if self.times > 1 else ""
        return f"{self.harm} at {which}{self.kind.name}, {self.side.value}{often}"


@define(eq=False)
class Trap:
    """A fault that waits for its statements."""

    fault: Fault
    passed: int = 0
    struck: int = 0
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)

    @property
    def is_over(self) -> bool:
        return self.struck >= self.fault.times

    def strikes(self, statement: Statement) -> bool:
        """Whether it is this statement's turn to suffer; counts it."""
        if self.is_over or not self.fault.kind.fits(statement):
            return False
        if self.passed < self.fault.skip:
            self.passed += 1
            return False
        self.struck += 1
        self._news.set()
        return True

    async def strikes_within(self, seconds: float) -> bool:
        """Wait until it does its harm for the first time; whether it does."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        return self.struck > 0

    async def has_struck(self, seconds: float = 30.0) -> None:
        """Wait until it has done its harm."""
        assert await self.strikes_within(seconds), f"not within {seconds:g} s: {self.fault}"
