"""Logs for the operator why clients were refused: once for each cause, not for each try."""

import logging
from collections import OrderedDict, deque

from attrs import define

from bgtasks.clock import Clock
from bgtasks.logs import log_safely

__all__ = ["ACCESS_PAGE", "RefusalLog", "shown"]

logger: logging.Logger = logging.getLogger(__name__)

SAID_AGAIN_AFTER = 600.0
"""Seconds after which a cause that goes on is logged again, with how often it came meanwhile."""

MAX_CAUSES = 256
"""How many causes are remembered: a stranger can make up any number of them."""

MAX_LINES = 60
"""The most lines within ``SAID_AGAIN_AFTER``, for all causes together."""

ACCESS_PAGE = "docs/how-to/access.md"
"""The page for whoever reads these lines."""


@define
class _Cause:
    said_at: float
    more: int = 0


class RefusalLog:
    """Logs one WARNING for each cause. Memory and number of lines are bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._causes: OrderedDict[tuple[str, ...], _Cause] = OrderedDict()
        self._said: set[str] = set()
        self._lines: deque[float] = deque(maxlen=MAX_LINES)

    def __len__(self) -> int:
        """How many causes are remembered."""
        return len(self._causes)

    def note(self, cause: tuple[str, ...], reason: str, error: BaseException | None = None) -> None:
        """Log ``reason``, one sentence, unless the same ``cause`` was logged lately."""
        now = self._clock.monotonic()
        known = self._causes.pop(cause, None)
        if known is not None and now - known.said_at < SAID_AGAIN_AFTER:
            known.more += 1
        elif self._may_say(now):
            again = f" ({known.more} times more since it was last logged)" if known else ""
            log_safely(
                logger, logging.WARNING, "%s%s; see %s", reason, again, ACCESS_PAGE, error=error
            )
            known = _Cause(now)
        if known is not None:
            self._causes[cause] = known
        if len(self._causes) > MAX_CAUSES:
            self._causes.popitem(last=False)

    def say_once(self, message: str) -> None:
        """Log ``message`` as a WARNING, this once."""
        if message not in self._said:
            self._said.add(message)
            logger.warning("%s; see %s", message, ACCESS_PAGE)

    def _may_say(self, now: float) -> bool:
        if len(self._lines) == MAX_LINES and now - self._lines[0] < SAID_AGAIN_AFTER:
            return False
        self._lines.append(now)
        if len(self._lines) == MAX_LINES and now - self._lines[0] < SAID_AGAIN_AFTER:
            logger.warning(
                "more than %d reasons for refusals within %d minutes: the next ones are not logged",
                MAX_LINES - 1,
                SAID_AGAIN_AFTER // 60,
            )
            return False
        return True


def shown(text: object) -> str:
    """``text`` from outside, fit for a log line: short, quoted, without line breaks."""
    return ascii(str(text)[:100])
