"""What the tasks of a failure have in common, where they are more than a store looks at at once."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bgtasks.backends.loops.faceting import facets
from bgtasks.backends.task_reads import MAX_ENDED, WINDOW
from bgtasks.core.facets import FacetQuery, FacetValue, FailedTasks

WANTED = FacetQuery(
    group="0123456789abcdef",
    by="owner",
    start=datetime(2026, 1, 1, tzinfo=UTC),
    end=datetime(2026, 1, 2, tzinfo=UTC),
)


class Reads:
    """A store of numbered tasks, each of which has its hundreds as its value: some failed, others
    ended."""

    def __init__(self, failed: range, ended: range) -> None:
        self.failed = failed
        self.ended = ended
        self.longest = 0
        self.types: list[Sequence[str]] = []

    async def failed_tasks(self, wanted: FacetQuery) -> FailedTasks:
        return FailedTasks(self.failed, ["Copy"])

    async def ended_tasks(self, wanted: FacetQuery, most: int) -> Sequence[int]:
        return [*self.ended[:most], *self.ended[:5]]

    async def facet_values(
        self, wanted: FacetQuery, sequences: Sequence[int], keys: Sequence[str | None] | None
    ) -> Sequence[FacetValue]:
        self.longest = max(self.longest, len(sequences))
        self.types.append(wanted.types)
        counts = Counter(str(number % 3) for number in sequences)
        return [
            FacetValue(key, key.upper(), number)
            for key, number in counts.items()
            if keys is None or key in keys
        ]


async def told(reads: Any) -> list[tuple[Any, int, int | None]]:
    return [(item.value, item.failed, item.total) for item in await facets(reads, WANTED)]


async def test_all_tasks_are_counted_some_at_a_time() -> None:
    failed = range(0, 3 * WINDOW, 3)
    reads = Reads(range(2 * WINDOW + 1, -1, -1), range(4 * WINDOW))
    found = await told(reads)
    assert sum(item[1] for item in found) == 2 * WINDOW + 2
    assert [item[0] for item in found] == ["0", "1", "2"]
    assert sum(item[2] or 0 for item in found) == 4 * WINDOW
    assert reads.longest == WINDOW
    assert reads.types[-1] == ["Copy"]
    assert await told(Reads(failed, range(3 * WINDOW))) == [("0", WINDOW, WINDOW)]


async def test_where_too_many_others_ended_nobody_knows_how_many_have_a_value() -> None:
    assert await told(Reads(range(2), range(MAX_ENDED))) == [("0", 1, 33_334), ("1", 1, 33_333)]
    assert await told(Reads(range(2), range(MAX_ENDED + 1))) == [("0", 1, None), ("1", 1, None)]


async def test_where_nothing_failed_nothing_else_is_looked_at() -> None:
    reads = Reads(range(0), range(100))
    assert await told(reads) == []
    assert reads.longest == 0
