"""How often tasks of a type may start and how many of one key may run: options, and their sums."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import attrs
from attrs import field, frozen

from bgtasks.core.checks import LONGEST_SECONDS, in_seconds, seconds, whole
from bgtasks.core.key_values import key_values, ordered_json
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError
from bgtasks.models import BackgroundTaskBase

__all__ = ["MAX_KEY", "PerKey", "Rate", "TokenBucket"]

MAX_KEY = 200
"""The longest key that is kept as it is, in characters; of a longer one its hash is kept."""

MOST = 1_000_000


@frozen
class Rate:
    """At most ``starts`` attempts of a type begin in ``per`` seconds, on average, over all
    processes. Retries count too.

    ``starts`` is 1 to 1,000,000; ``per`` seconds, a timedelta, or a text such as ``"1 m"``, from a
    millisecond to 366 days. After a quiet time up to ``burst`` (default: ``starts``; 1 to
    1,000,000) begin at once; so no stretch of ``per`` seconds has more than ``starts + burst``.
    What was used is stored: a restart brings no second burst.
    """

    starts: int = field(validator=whole(1, MOST))
    per: float = field(
        default=1.0, converter=in_seconds, validator=seconds(0.001, LONGEST_SECONDS), kw_only=True
    )
    burst: int = field(
        default=attrs.Factory(lambda rate: rate.starts, takes_self=True),
        validator=whole(1, MOST),
        kw_only=True,
    )

    @property
    def each(self) -> float:
        """Seconds until one more may start."""
        return self.per / self.starts


@frozen
class PerKey:
    """At most ``limit`` tasks of a type (1 to 10,000) run at once for each key, over all processes;
    the others wait for their turn, which costs the tasks of other keys nothing.

    ``by`` says what the key is: ``"owner"``, the task's owner (tasks without one have one key in
    common), or a tuple of names of the task's fields.
    """

    limit: int = field(validator=whole(1, 10_000))
    by: str | tuple[str, ...] = field(default="owner", kw_only=True)

    @by.validator
    def _check_by(self, _attribute: "attrs.Attribute[Any]", by: Any) -> None:
        names = isinstance(by, tuple) and by and all(isinstance(name, str) for name in by)
        if by != "owner" and not names:
            raise SettingsError(
                f"PerKey: by={shown(by)}; expected 'owner', or a tuple of the names of the task's "
                "fields, such as by=('account',)"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """The task's fields that make the key; none where it is the owner."""
        return self.by if isinstance(self.by, tuple) else ()

    def key_of(self, owner: str | None, task: BackgroundTaskBase, data: str) -> str:
        """The key of a task with this owner and the JSON ``data``."""
        if not self.fields:
            return _key(owner)
        return _key(list(key_values(task, data, self.fields).values()))


def _key(value: Any) -> str:
    """``value`` as JSON in one form only; its hash where that is long."""
    key = ordered_json(value)
    return key if len(key) <= MAX_KEY else f"sha256:{sha256(key.encode()).hexdigest()}"


@frozen
class TokenBucket:
    """How many may start without a wait, at one moment: each start takes a token, and tokens come
    back as time passes, up to the burst."""

    tokens: float
    at: datetime

    @classmethod
    def full(cls, rate: Rate, now: datetime) -> "TokenBucket":
        """Of a type of which nothing has started yet."""
        return cls(float(rate.burst), now)

    def refilled(self, rate: Rate, now: datetime) -> "TokenBucket":
        """The same as it is ``now``. A clock that was set back brings no tokens and takes none."""
        passed = max((now - self.at).total_seconds(), 0.0)
        return TokenBucket(min(self.tokens + passed / rate.each, float(rate.burst)), now)

    def taken(self, count: int) -> "TokenBucket":
        """After so many starts; fewer than none: these did not happen."""
        return TokenBucket(self.tokens - count, self.at)

    @property
    def starts(self) -> int:
        """How many may start at this moment."""
        # What is missing for lack of exact sums must not cost another look.
        return max(int(self.tokens + 1e-6), 0)

    def next_at(self, rate: Rate) -> datetime:
        """When one more may start."""
        missing = max(1.0 - self.tokens, 0.0)
        # Rounded up: a look that comes a microsecond early is a look in vain.
        return self.at + timedelta(microseconds=int(missing * rate.each * 1e6) + 1)
