"""Generic payload types, and unions told apart by a Literal field (FAULTS 17)."""

import dataclasses
import enum
import json
import re
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import pytest
from attrs import field, frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundWorker,
    BackgroundWorkerContext,
    SerializationError,
    background_task,
)
from bgtasks.cli.typescript.declarations import typescript
from bgtasks.core.codec import TaskCodec
from bgtasks.registration import worker_parameters
from tests.hosts.scripted import container_of, done, run_to_end, running, worker_of

X = TypeVar("X")
Y = TypeVar("Y")
TTask = TypeVar("TTask", bound=BackgroundTaskBase)
codec = TaskCodec()


@frozen
class Found:
    file_name: str


@frozen
class Batch(Generic[X]):
    done_items: list[X]
    newest: X | None = None
    by_name: dict[str, X] = field(factory=dict)


@frozen
class Two(Generic[X, Y]):
    left_side: Batch[X]
    right_side: Y


@frozen
class Unbound(Batch):  # type: ignore[type-arg]
    """Says nothing of what it holds."""


class Range(NamedTuple, Generic[X]):
    low: X
    high: X


@frozen(kw_only=True)
class Scan(BackgroundTaskBase):
    """A task."""


class BatchWorker(BackgroundWorker[TTask, Batch[X]], Generic[TTask, X]):
    """Binds nothing yet."""

    def __init__(self, payload: Any = None) -> None:
        self.payload = payload

    async def execute(self, context: BackgroundWorkerContext[TTask, Batch[X]]) -> None:
        context.set_payload(self.payload)


class HalfBound(BatchWorker[Scan, X]):
    """Binds the task."""


class FoundWorker(HalfBound[Found]):
    """Binds both."""


class Swapped(BackgroundWorker[Scan, Two[Y, X]], Generic[X, Y]):
    async def execute(self, context: BackgroundWorkerContext[Scan, Two[Y, X]]) -> None: ...


class SwappedBound(Swapped[int, Found]):
    """``X`` is int, ``Y`` is Found."""


@pytest.mark.parametrize(
    ("worker", "expected"),
    [
        (FoundWorker, (Scan, Batch[Found])),
        (HalfBound[Found], (Any, Any)),
        (HalfBound, (Scan, Batch[Any])),
        (BatchWorker, (Any, Batch[Any])),
        (SwappedBound, (Scan, Two[Found, int])),
        (Swapped, (Scan, Two[Any, Any])),
    ],
)
def test_a_payload_type_is_known_in_the_words_of_the_subclass(worker: Any, expected: Any) -> None:
    if isinstance(worker, type):
        assert worker_parameters(worker) == (*expected, None)


BATCH = Batch([Found("a")], Found("b"), {"c": Found("c")})


async def test_a_generic_payload_bound_in_a_subclass_comes_back_as_what_it_was() -> None:
    container = container_of(
        background_task(Scan, providers.Factory(FoundWorker, providers.Object(BATCH)))
    )
    async with running(container) as manager:
        info = await run_to_end(manager, Scan())
    assert info.payload == BATCH
    assert type(info.payload.newest) is Found


@pytest.mark.parametrize(
    ("hint", "payload"),
    [
        (Batch[int], Batch([1, 2])),
        (Batch[Found], BATCH),
        (Batch[Batch[Found]], Batch([BATCH])),
        (Two[int, Found], Two(Batch([1]), Found("a"))),
        (Batch, Batch[Any]([1, "a"], None, {"x": [1]})),
        (Batch[Range[int]], Batch([Range(1, 2)])),
        (Unbound, Unbound([{"a": 1}], None, {"x": [1]})),
        (Range[Found], Range(Found("a"), Found("b"))),
        (list[Batch[Found]], [BATCH]),
    ],
)
def test_generic_classes_survive(hint: Any, payload: Any) -> None:
    text = codec.payload_encoder(hint)(payload)
    assert codec.decode_payload(hint, text) == payload


WORKERS = [FoundWorker, HalfBound, BatchWorker, SwappedBound, Swapped]


@pytest.mark.parametrize("worker", WORKERS)
def test_generated_types_declare_every_name_that_they_use(worker: type) -> None:
    container = container_of(background_task(Scan, providers.Factory(worker)))
    text = typescript(container.registry(), "test")
    body = text.split("export interface BackgroundTasks")[1]
    assert not re.search(r"\b[XY]\b", body)


def test_a_generic_named_tuple_is_written_with_its_arguments() -> None:
    container = container_of(background_task(Scan, worker_of(done), payload_type=Range[int]))
    assert "Scan: [number, number];" in typescript(container.registry(), "test")


class Kind(enum.Enum):
    COPY = "copy"
    MOVE = "move"


@frozen
class Copying:
    step_kind: Literal["copy"] = "copy"
    total_bytes: int = 0


@frozen
class Scanning:
    step_kind: Literal["scan", "rescan"] = "scan"
    total_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Waiting:
    total_bytes: int = 0
    step_kind: Literal["wait"] = "wait"


@frozen
class CopyAgain:
    """Of the same kind as ``Copying``; told apart by what only it has."""

    tries: int
    step_kind: Literal["copy"] = "copy"


@frozen
class ByEnum:
    enum_kind: Literal[Kind.COPY] = Kind.COPY


@frozen
class ByOtherEnum:
    enum_kind: Literal[Kind.MOVE] = Kind.MOVE


@frozen
class Steps:
    now: Copying | Scanning | Waiting | None
    before: list[Copying | Scanning] = field(factory=list)
    named: dict[str, Waiting | Scanning] = field(factory=dict)


@frozen(kw_only=True)
class StepTask(BackgroundTaskBase):
    first_step: Copying | Scanning | Waiting = Copying()


TAGGED: list[tuple[Any, Any]] = [
    (Copying | Scanning, Copying(total_bytes=2)),
    (Copying | Scanning, Scanning("rescan", 2)),
    (Copying | Scanning | Waiting | None, Waiting(3)),
    (Copying | CopyAgain | Scanning, CopyAgain(2)),
    (Copying | CopyAgain | Scanning, Copying()),
    (ByEnum | ByOtherEnum, ByOtherEnum()),
    (Steps, Steps(None, [Scanning(), Copying()], {"a": Waiting(), "b": Scanning("rescan")})),
    (Steps, Steps(Waiting(1))),
    (list[Copying | Waiting], [Copying(), Waiting()]),
]


@pytest.mark.parametrize(("hint", "payload"), TAGGED)
def test_unions_told_apart_by_a_literal_survive(hint: Any, payload: Any) -> None:
    text = codec.payload_encoder(hint)(payload)
    assert codec.decode_payload(hint, text) == payload


@pytest.mark.parametrize("step", [Copying(total_bytes=1), Scanning("rescan"), Waiting(2)])
def test_such_a_union_in_a_task_survives(step: Any) -> None:
    task = StepTask(first_step=step)
    assert codec.decode_task(StepTask, codec.encode_task(task)) == task


def test_the_types_of_such_a_union_tell_the_members_apart_by_the_key_that_is_sent() -> None:
    container = container_of(background_task(Scan, worker_of(done), payload_type=Copying | Waiting))
    text = typescript(container.registry(), "test")
    assert "  Scan: Copying | Waiting;" in text
    assert '  stepKind: "copy";' in text


def test_a_stored_payload_of_an_unknown_kind_is_given_as_data() -> None:
    stored = json.dumps({"stepKind": "flying", "totalBytes": 1})
    assert codec.decode_payload(Copying | Scanning, stored) == json.loads(stored)


def test_a_stored_task_of_an_unknown_kind_is_refused_with_what_is_known() -> None:
    stored = json.dumps({"id": str(StepTask().id), "firstStep": {"stepKind": "flying"}})
    with pytest.raises(SerializationError, match="first_step"):
        codec.decode_task(StepTask, stored)


def test_whole_numbers_that_javascript_rounds_are_spoken_of_in_the_types() -> None:
    container = container_of(background_task(Scan, worker_of(done), payload_type=int))
    assert "beyond 2^53" in typescript(container.registry(), "test")
    assert json.loads(codec.payload_encoder(int)(2**53 + 1) or "") == 2**53 + 1
