"""Writing what attempts report, and how they ended, many in one transaction."""

from collections.abc import Iterable, Sequence

from bgtasks.backends.postgres.peer import Peer
from bgtasks.backends.postgres.tables import Tables, wait_of
from bgtasks.backends.postgres.turns import Turns, moved_turns
from bgtasks.backends.postgres.untold import Also
from bgtasks.backends.task_store import Step
from bgtasks.core.conflicts import frees_for_follower
from bgtasks.models import BackgroundTaskStatus

__all__ = ["Settling"]


class Settling:
    """Writes steps. What one commit has written counts, even if the rest of a batch has to wait."""

    def __init__(self, peer: Peer) -> None:
        self._database = peer.database
        self._process = peer.process
        self._registry = peer.registry
        self._now = peer.now
        self._announce = peer.feed.announce
        self._untold = peer.untold

    async def write(self, steps: Sequence[Step], written: list[Step]) -> None:
        """Write a batch, and add to ``written`` what is dealt with after each commit. Raises what
        the server refuses the rest with."""
        plain: list[Step] = []
        rest: list[Step] = []
        for step in steps:
            (plain if _is_plain_end(step) else rest).append(step)
        if plain:
            await self._settle(plain, written)
        # Apart from the others, which need not wait for those who have the same keys.
        turns = [step for step in rest if _moves_turn(step)]
        for part in (turns, [step for step in rest if not _moves_turn(step)]):
            if part:
                ids = [step.change.after.id for step in part if step.change is not None]
                with self._untold.while_changing(ids) as (_, also):
                    await self._write(part, written, also)

    async def _settle(self, steps: Sequence[Step], written: list[Step]) -> None:
        """Most attempts end plainly: one statement for all of them."""
        async with self._database.connection() as connection:
            ends = [(step.change, step.place) for step in steps if step.change is not None]
            sequences = await Tables(connection, self._process).settle(ends)
        self._done([step for step in steps if _is_in(step, sequences)], written)

    async def _write(self, steps: Sequence[Step], written: list[Step], also: Also) -> None:
        async with self._database.transaction() as connection:
            tables = Tables(connection, self._process)
            turns = Turns(connection, tables, self._registry)
            changes = [step.change for step in steps if step.change is not None]
            await turns.lock(moved_turns(changes))
            sequences = await tables.write(changes) if changes else set()
            done = [step for step in steps if step.change is None or _is_in(step, sequences)]
            await self._let_jobs_go(tables, [step for step in done if step.over])
            kept = [change for change in changes if change.after.sequence in sequences]
            given = await turns.follow(kept, self._now())
            also(record.id for record in given)
        self._done(done, written)
        self._announce(given)

    async def _let_jobs_go(self, tables: Tables, steps: Iterable[Step]) -> None:
        finished, waiting = [], {}
        for step in steps:
            after = step.change.after if step.change is not None else None
            if after is not None and after.status is BackgroundTaskStatus.PENDING:
                waiting[step.place] = wait_of(after, self._now())
            else:
                finished.append(step.place)
        await tables.jobs.release(finished, waiting)

    def _done(self, steps: Sequence[Step], written: list[Step]) -> None:
        written += steps
        self._announce(step.change.after for step in steps if step.change is not None)


def _is_plain_end(step: Step) -> bool:
    """Whether the task and its job are both final, no interruption is counted, no turn given up,
    and no other task may wait behind this one."""
    change = step.change
    return (
        step.over
        and change is not None
        and change.before.turn_key is None
        and change.before.interruptions == change.after.interruptions
        and change.before.status is BackgroundTaskStatus.RUNNING
        and change.after.status.is_final
        and not frees_for_follower(change)
    )


def _moves_turn(step: Step) -> bool:
    return step.change is not None and bool(moved_turns([step.change]))


def _is_in(step: Step, sequences: set[int]) -> bool:
    return step.change is not None and step.change.after.sequence in sequences
