"""The websockets that are open and have not joined yet, limited in number."""

from collections import OrderedDict
from typing import Protocol

from bgtasks.clock import Clock
from bgtasks.web.refusal_log import RefusalLog, shown

__all__ = ["Lobby", "Visitor"]

GRACE = 1.0
"""Seconds within which a websocket has joined, as a rule. One that has had them makes room for a
new one when there is no other."""


class Visitor(Protocol):
    """A websocket that has not joined."""

    @property
    def party(self) -> str:
        """Whose it is, as far as can be told: a user, else an address."""

    def close(self) -> None:
        """End it."""


class Lobby:
    """Counts the visitors: at most ``size``, and ``of_one`` of one party. In a full house the one
    that has stayed the longest, of the party that has the most, goes for one that comes.
    """

    def __init__(self, size: int, of_one: int, clock: Clock, refusals: RefusalLog) -> None:
        self._size = size
        self._of_one = of_one
        self._clock = clock
        self._refusals = refusals
        self._since: dict[Visitor, float] = {}
        self._parties: dict[str, OrderedDict[Visitor, None]] = {}

    def __len__(self) -> int:
        """How many visitors there are."""
        return len(self._since)

    def enter(self, visitor: Visitor) -> bool:
        """Take in a visitor; ``False`` if there is no room."""
        if len(self._parties.get(visitor.party, ())) >= self._of_one and not self._make_room(
            visitor.party
        ):
            return False
        if len(self._since) >= self._size and not self._make_room(self._largest()):
            return False
        self._since[visitor] = self._clock.monotonic()
        self._parties.setdefault(visitor.party, OrderedDict())[visitor] = None
        return True

    def leave(self, visitor: Visitor) -> None:
        """The visitor has been let in, or is gone; harmless when repeated."""
        if self._since.pop(visitor, None) is not None:
            party = self._parties[visitor.party]
            del party[visitor]
            if not party:
                del self._parties[visitor.party]

    def _largest(self) -> str:
        return max(self._parties, key=lambda party: len(self._parties[party]))

    def _make_room(self, party: str) -> bool:
        oldest = next(iter(self._parties[party]))
        self._refusals.note(
            ("lobby", party),
            f"refused or ended websockets that were opened without joining: {shown(party)} has "
            f"{len(self._parties[party])} of them (at most {self._of_one}, in all {self._size})",
        )
        if self._clock.monotonic() - self._since[oldest] < GRACE:
            return False
        self.leave(oldest)
        oldest.close()
        return True
