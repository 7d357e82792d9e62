"""How many clients may be connected: in all, and for one user."""

from bgtasks.web.hub.audience import Audience
from bgtasks.web.refusal_log import RefusalLog, shown
from bgtasks.web.requester import Requester
from bgtasks.web.this_machine import is_loopback

__all__ = ["ClientSlots"]


class ClientSlots:
    """The slots for clients, over Socket.IO and server-sent events together.

    ``of_one_user`` limits the clients with one identity. Where nobody is logged in, only a policy
    can tell people apart, so the limit is a tenth of all slots for each address. Loopback addresses
    have no limit of their own, because a proxy on this machine may stand for many people.
    """

    def __init__(
        self, audience: Audience, refusals: RefusalLog, in_all: int, of_one_user: int
    ) -> None:
        self._audience = audience
        self._refusals = refusals
        self.in_all = in_all
        self.of_one_user = of_one_user

    def why_full(self, requester: Requester) -> str | None:
        """Why ``requester`` gets no slot, as the text to send to it; ``None`` if a slot is free."""
        if len(self._audience) >= self.in_all:
            self._note(("full",), f"all {self.in_all:,} slots for clients are taken")
            return "too many clients are connected; try again later"
        party, limit = requester.party, self._limit(requester)
        if self._audience.number_of(party) >= limit:
            self._note(
                ("full", party),
                f"{shown(party)} has {limit:,} connections already (the setting "
                "max_clients_per_user, for a user)",
            )
            return "you have too many connections; close some of them"
        return None

    def _limit(self, requester: Requester) -> int:
        if requester.is_user:
            return self.of_one_user
        if is_loopback(requester.host):
            return self.in_all
        return max(self.of_one_user, self.in_all // 10)

    def _note(self, cause: tuple[str, ...], reason: str) -> None:
        self._refusals.note(cause, f"refused a client: {reason}")
