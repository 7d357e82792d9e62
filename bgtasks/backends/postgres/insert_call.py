"""The new tasks of one caller, and the answer to them."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from bgtasks.backends.postgres.contested import Kept
from bgtasks.core.record import TaskRecord

__all__ = ["MOST_CHARACTERS", "MOST_RECORDS", "Call"]

MOST_RECORDS = 500
MOST_CHARACTERS = 1_000_000
"""What calls may share a statement for. A call that is larger goes alone, beside the others."""


class Call:
    """The tasks of one caller, which are accepted all or none. ``again``: they may be stored
    already, by a statement whose answer was lost."""

    __slots__ = ("again", "answer", "characters", "records")

    def __init__(self, records: Sequence[TaskRecord], again: bool) -> None:
        self.records: Sequence[TaskRecord] = records
        self.again: bool = again
        self.characters: int = sum(len(record.data) for record in records)
        self.answer: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()

    @property
    def is_large(self) -> bool:
        """Whether it is more than calls may share a statement for."""
        return len(self.records) > MOST_RECORDS or self.characters > MOST_CHARACTERS

    @property
    def needs_transaction(self) -> bool:
        """Whether one statement does not do: for tasks that take turns, and for several of which
        some may not be accepted because their keys are held."""
        takes_turns = any(record.turn_key is not None for record in self.records)
        are_unique = any(record.held_key is not None for record in self.records)
        return takes_turns or (are_unique and len(self.records) > 1)

    @property
    def ids(self) -> list[UUID]:
        """Of its tasks."""
        return [record.id for record in self.records]

    @property
    def is_answered(self) -> bool:
        """Whether the caller has an answer, or no longer waits for one."""
        return self.answer.done()

    def accept(self, sequences: Mapping[UUID, int]) -> None:
        """They are stored."""
        self.settle(Kept(self.accepted(sequences), {}))

    def accepted(self, sequences: Mapping[UUID, int]) -> Sequence[TaskRecord]:
        """Those of its tasks that have these sequences, as they are stored."""
        return [
            record._replace(sequence=sequences[record.id])
            for record in self.records
            if record.id in sequences
        ]

    def settle(self, kept: Kept) -> None:
        """It is known what became of them."""
        if not self.is_answered:
            self.answer.set_result(kept)

    def fail(self, error: BaseException) -> None:
        """None of them is stored, or nobody knows."""
        if not self.is_answered:
            self.answer.set_exception(error)
