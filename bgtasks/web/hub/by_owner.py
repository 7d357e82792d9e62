"""Which clients see whose tasks, where the policy says it by owners."""

from collections.abc import Iterator

from bgtasks.web.hub.hub_client import HubClient
from bgtasks.web.judge import Owners, is_among

__all__ = ["ByOwner"]

MAX_OWNERS = 100
"""For clients that see the tasks of more owners, or of all, each update looks that up."""


class ByOwner:
    """An update meets only the clients that see it, however many there are."""

    def __init__(self) -> None:
        self._owners: dict[str, Owners] = {}
        self._clients: dict[str | None, dict[str, HubClient]] = {}
        self._of_many: dict[str, HubClient] = {}

    def put(self, client: HubClient, owners: Owners) -> None:
        """Note the owners whose tasks the client sees; ``None``: all."""
        self.remove(client)
        self._owners[client.sid] = owners
        if owners is None or len(owners) > MAX_OWNERS:
            self._of_many[client.sid] = client
        else:
            for owner in owners:
                self._clients.setdefault(owner, {})[client.sid] = client

    def remove(self, client: HubClient) -> None:
        """Forget the client; harmless if it is not here."""
        owners = self._owners.pop(client.sid, None)
        if self._of_many.pop(client.sid, None) is None and owners is not None:
            for owner in owners:
                del self._clients[owner][client.sid]
                if not self._clients[owner]:
                    del self._clients[owner]

    def seeing(self, owner: str | None) -> Iterator[HubClient]:
        """The clients that see the tasks of ``owner``."""
        yield from self._clients.get(owner, {}).values()
        for client in self._of_many.values():
            if is_among(owner, self._owners[client.sid]):
                yield client
