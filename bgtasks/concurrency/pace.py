"""Long work on the event loop, done in pieces."""

import asyncio

__all__ = ["Pace"]

PIECE = 64 * 1024
"""Characters of JSON that are handled in one go: about a millisecond's work."""

STEP = 512
"""What an item costs that has no characters to speak of."""


class Pace:
    """Lets everything else on the event loop have its turn between two pieces of long work."""

    def __init__(self) -> None:
        self._left = PIECE

    async def spent(self, characters: int) -> None:
        """Work on so many characters comes next, or was done."""
        self._left -= characters + STEP
        if self._left < 0:
            self._left = PIECE
            await asyncio.sleep(0)
