"""How many attempts of each type may start now, by the rates of the types."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from attrs import define, field

from bgtasks.backends.postgres.engine import Jobs
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.limits import TokenBucket
from bgtasks.registry import Registry

__all__ = ["OverRateError", "Rates", "Starts"]


class OverRateError(Exception):
    """More was given than the rate of a type allows, as attempts ended meanwhile: it is taken
    back, and asked for again."""


@define
class Starts:
    """What a claim may start of the types that have rates, whose rows it has locked; nobody else
    starts any of them before its transaction ends."""

    limits: dict[str, int]
    """How many of each type may run at once, for all types of which something may start."""
    buckets: dict[str, TokenBucket] = field(factory=dict)

    async def spend(self, connection: Any, started: Iterable[str]) -> None:
        """Keep what is left after attempts of these types have started. Raises OverRateError."""
        counts = {name: n for name, n in Counter(started).items() if name in self.buckets}
        if any(n > self.buckets[name].starts for name, n in counts.items()):
            raise OverRateError
        left = {name: self.buckets[name].taken(n) for name, n in counts.items()}
        await _keep(connection, left)


class Rates:
    """The rates of the types that are run here. What they have left stands with the types; only
    the server's clock counts."""

    def __init__(
        self, registry: Registry, types: Collection[str], monotonic: Callable[[], float]
    ) -> None:
        self._monotonic = monotonic
        self._rates = {
            name: item.rate
            for name in types
            if (item := registry.named(name)) is not None and item.rate is not None
        }
        self._used_up: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._rates)

    async def prepare(self, connection: Any) -> None:
        """Make the rows that claims lock."""
        await connection.execute(STATEMENTS["keep_types"], list(self._rates))

    async def starts(self, connection: Any, limits: Mapping[str, int]) -> Starts:
        """What may start now, of types that have these limits (0: none). A type of which another
        process is starting some at this moment is left out."""
        starts = Starts({name: n for name, n in limits.items() if name not in self._rates})
        rated = [name for name in limits if name in self._rates]
        if not rated:
            return starts
        set_back: dict[str, TokenBucket] = {}
        for name, tokens, at, now in await connection.fetch(STATEMENTS["lock_rates"], rated):
            rate = self._rates[name]
            full = TokenBucket.full(rate, now)
            bucket = full if at is None else TokenBucket(tokens, at).refilled(rate, now)
            self._note(name, bucket)
            if bucket.starts:
                starts.buckets[name] = bucket
            if at is not None and at > now:  # the server's clock was: tokens come from now on
                set_back[name] = bucket
        await _keep(connection, set_back)
        running = await Jobs(connection).picked(list(starts.buckets)) if starts.buckets else {}
        for name, bucket in starts.buckets.items():
            allowed = running.get(name, 0) + bucket.starts
            starts.limits[name] = min(allowed, limits[name]) if limits[name] else allowed
        return starts

    def wait_for(self, name: str) -> float:
        """Seconds until one more of this type may start, as far as is known."""
        return max(self._used_up.get(name, 0.0) - self._monotonic(), 0.0)

    def _note(self, name: str, bucket: TokenBucket) -> None:
        if bucket.starts:
            self._used_up.pop(name, None)
        else:
            wait = (bucket.next_at(self._rates[name]) - bucket.at).total_seconds()
            self._used_up[name] = self._monotonic() + wait


async def _keep(connection: Any, buckets: Mapping[str, TokenBucket]) -> None:
    if buckets:
        await connection.execute(
            STATEMENTS["keep_tokens"],
            list(buckets),
            [bucket.tokens for bucket in buckets.values()],
            [bucket.at for bucket in buckets.values()],
        )
