"""Long work on the event loop, done in pieces."""

import asyncio

__all__ = ["Pace"]

PIECE = 64 * 1024
"""Characters of JSON handled without a pause: about a millisecond's work."""

STEP = 512
"""The cost, in characters, of an item that has hardly any text."""


class Pace:
    """Lets the event loop run other work between two pieces of long work."""

    def __init__(self) -> None:
        self._left = PIECE

    async def spent(self, characters: int) -> None:
        """Count work on this many characters, next or done; pause if a piece is full."""
        self._left -= characters + STEP
        if self._left < 0:
            self._left = PIECE
            await asyncio.sleep(0)
