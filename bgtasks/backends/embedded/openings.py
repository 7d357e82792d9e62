"""What may begin now, of each type: how many slots are free, whether it is paused, and how many
starts its rate has left."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from bgtasks.backends.task_store import Place
from bgtasks.core.limits import TokenBucket
from bgtasks.registry import Registry

__all__ = ["Openings"]


class Openings:
    """Follows the transactions of the writer thread, which alone uses it: what a transaction that
    is rolled back has paused or spent is as it was before."""

    def __init__(
        self,
        registry: Registry,
        max_concurrency: int,
        types: Collection[str],
        now: Callable[[], datetime],
    ) -> None:
        run_here = {name: item for name in types if (item := registry.named(name)) is not None}
        self._now = now
        self._limit = max_concurrency
        self._limits = {
            name: min(item.max_concurrency or max_concurrency, max_concurrency)
            for name, item in run_here.items()
        }
        self._rates = {name: item.rate for name, item in run_here.items() if item.rate is not None}
        # By attempt, not by task: one that was retried may still have its old attempt running.
        self._busy: dict[Place, str] = {}
        self._busy_by_type: Counter[str] = Counter()
        self._paused: frozenset[str] = frozenset()
        self._buckets: dict[str, TokenBucket] = {}
        self._kept = self._paused, self._buckets
        # Most types are neither paused nor have a rate: one look tells.
        self._is_special = set(self._rates)

    def load(self, paused: Iterable[str], buckets: Mapping[str, TokenBucket]) -> None:
        """As the file has it."""
        self._buckets = {name: item for name, item in buckets.items() if name in self._rates}
        self._set_paused(frozenset(paused))
        self.committed()

    # What may begin

    def free(self) -> int:
        """How many more attempts may run in this process."""
        return self._limit - len(self._busy)

    def free_for(self, type_name: str) -> int:
        """How many more attempts of this type may begin now; none of one that is not run here."""
        of_type = self._limits.get(type_name, 0) - self._busy_by_type[type_name]
        free = min(of_type, self.free())
        if type_name not in self._is_special or free <= 0:
            return free
        if type_name in self._paused:
            return 0
        return min(free, self._bucket(type_name).starts)

    def next_start(self, types: Iterable[str]) -> datetime | None:
        """When the first of these types may start that wait for nothing but their rates.

        The same time however often it is asked for, by the last start and not by the present
        moment; and it is still told when it has passed, until somebody has looked."""
        if not self._rates:
            return None
        times = [
            self._last(name).next_at(self._rates[name])
            for name in types
            if name in self._rates and self._has_room(name)
        ]
        return min(times, default=None)

    # What happens

    def take(self, place: Place, type_name: str) -> None:
        """A task was claimed."""
        self._busy[place] = type_name
        self._busy_by_type[type_name] += 1
        self._spend(type_name, 1)

    def undo(self, place: Place) -> str | None:
        """The claim will not be committed; returns its type."""
        type_name = self.ended(place)
        if type_name is not None:
            self._spend(type_name, -1)
        return type_name

    def ended(self, place: Place) -> str | None:
        """An attempt has really ended, whether or not its outcome is written yet; its type."""
        type_name = self._busy.pop(place, None)
        if type_name is not None:
            self._busy_by_type[type_name] -= 1
        return type_name

    def pause(self, type_name: str) -> None:
        """Let nothing of this type begin."""
        self._set_paused(self._paused | {type_name})

    def resume(self, type_name: str) -> None:
        """Let it begin again."""
        self._set_paused(self._paused - {type_name})

    # The transaction

    @property
    def spent(self) -> dict[str, TokenBucket]:
        """The buckets from which something was taken since the last commit."""
        _, kept = self._kept
        return {name: item for name, item in self._buckets.items() if kept.get(name) != item}

    def committed(self) -> None:
        """All of this is in the file."""
        self._kept = self._paused, dict(self._buckets)

    def rolled_back(self) -> None:
        """Nothing since the last commit is."""
        paused, buckets = self._kept
        self._buckets = dict(buckets)
        self._set_paused(paused)

    # Inside

    def _set_paused(self, paused: frozenset[str]) -> None:
        self._paused = paused
        self._is_special = {*self._rates, *paused}

    def _has_room(self, name: str) -> bool:
        """Whether it waits for nothing but its rate."""
        has_slot = self._limits[name] > self._busy_by_type[name] and self.free() > 0
        return has_slot and name not in self._paused

    def _bucket(self, name: str) -> TokenBucket:
        return self._last(name).refilled(self._rates[name], self._now())

    def _last(self, name: str) -> TokenBucket:
        """As it was after the last start."""
        rate, now = self._rates[name], self._now()
        bucket = self._buckets.get(name)
        if bucket is None:
            return TokenBucket.full(rate, now)
        if bucket.at > now:  # the clock was set back: tokens come from now on
            bucket = self._buckets[name] = bucket.refilled(rate, now)
        return bucket

    def _spend(self, name: str, count: int) -> None:
        if name in self._rates:
            self._buckets[name] = self._bucket(name).taken(count)
