"""What the tasks of a failure have in common: the store is asked for one window after the other."""

from collections import Counter
from collections.abc import Sequence

from attrs import evolve

from bgtasks.backends.task_reads import MAX_ENDED, WINDOW, TaskReads
from bgtasks.core.facets import FacetQuery, FacetValue
from bgtasks.models import FailureFacet

__all__ = ["facets"]

Keys = Sequence[str | None]


async def facets(reads: TaskReads, wanted: FacetQuery) -> Sequence[FailureFacet]:
    """See :meth:`Backend.failure_facets`."""
    tasks = await reads.failed_tasks(wanted)
    found = await reads.facet_values(wanted, tasks.sequences[:WINDOW], None)
    keys = [item.key for item in found]
    failed = Counter({item.key: item.number for item in found})
    failed.update(await _counted(reads, wanted, tasks.sequences[WINDOW:], keys))
    wanted = evolve(wanted, types=tasks.types)
    others = await _of_others(reads, wanted, tasks.sequences, keys) if keys else None
    facets = [
        FailureFacet(
            value=item.value,
            failed=failed[item.key],
            total=None if others is None else failed[item.key] + others[item.key],
        )
        for item in found
    ]
    return sorted(facets, key=lambda item: (-item.failed, item.value is None, str(item.value)))


async def _of_others(
    reads: TaskReads, wanted: FacetQuery, failed: Sequence[int], keys: Keys
) -> Counter[str | None] | None:
    """How many other tasks have these values; ``None``: there are too many to look at."""
    ended = dict.fromkeys(await reads.ended_tasks(wanted, MAX_ENDED + 1))
    if len(ended) > MAX_ENDED:
        return None
    return await _counted(reads, wanted, list(ended.keys() - set(failed)), keys)


async def _counted(
    reads: TaskReads, wanted: FacetQuery, sequences: Sequence[int], keys: Keys
) -> Counter[str | None]:
    counts: Counter[str | None] = Counter()
    for start in range(0, len(sequences), WINDOW):
        window = sequences[start : start + WINDOW]
        found: Sequence[FacetValue] = await reads.facet_values(wanted, window, keys)
        counts.update({item.key: item.number for item in found})
    return counts
