"""How many requests of one user are answered at a time."""

import asyncio
from weakref import WeakValueDictionary

from bgtasks.web.requester import Requester

__all__ = ["Turns"]

OF_ONE_USER = 16
"""Answers at a time for one user: each may be a megabyte that is not read. Browsers have six
connections to a server."""

OF_ONE_ADDRESS = 160
"""The same for one address where nobody is logged in, and only a policy knows who is who."""


class Turns:
    """A limit for each user; a request beyond it waits for another one of the same user."""

    def __init__(self) -> None:
        self._parties: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, requester: Requester) -> asyncio.Semaphore:
        """What is to be held from before the answer is made until it has been sent."""
        turns = self._parties.get(requester.party)
        if turns is None:
            turns = asyncio.Semaphore(OF_ONE_USER if requester.is_user else OF_ONE_ADDRESS)
            self._parties[requester.party] = turns
        return turns
