"""Models and dataclasses of Pydantic as fields of tasks and as payloads (FAULTS 18)."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import pydantic
import pytest
from attrs import field, frozen
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, PrivateAttr, RootModel, SecretStr
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass

from bgtasks import BackgroundTaskBase, RegistrationError, SerializationError, background_task
from bgtasks.cli.typescript.declarations import typescript
from bgtasks.core.codec import TaskCodec
from bgtasks.testing import run_worker
from tests.hosts.scripted import Context, container_of, done, run_to_end, running, worker_of

T = TypeVar("T")
codec = TaskCodec()


class Inner(BaseModel):
    file_name: str
    when: datetime


class Copied(BaseModel):
    """How far a copy is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    copied_bytes: int
    total_bytes: int | None = None
    kind: Literal["copy", "move"] = "copy"
    price: Decimal = Decimal("1.10")
    took: timedelta = timedelta(seconds=1.5)
    inner: list[Inner] = Field(default_factory=list)
    by_name: dict[str, Inner] = Field(default_factory=dict)

    @pydantic.computed_field
    def percent(self) -> float:
        return 50.0


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    day: date
    raw: bytes = b"a"
    url: HttpUrl = HttpUrl("http://localhost/")


class Tree(BaseModel):
    name: str
    children: list["Tree"] = Field(default_factory=list)


class Names(RootModel[list[str]]):
    pass


class Generically(BaseModel, Generic[T]):
    holds: T


@pydantic_dataclass
class Place:
    row_number: int
    inner: Inner | None = None


@frozen
class Mixed:
    the_model: Copied | None = None
    the_models: list[Copied] = field(factory=list)
    either: Inner | Place | None = None


@frozen(kw_only=True)
class ModelTask(BackgroundTaskBase):
    options: Copied
    strict: Strict = Strict(day=date(2026, 1, 1))  # noqa: RUF009
    place: Place | None = None
    tree: Tree | None = None
    names: Names = field(factory=lambda: Names(["a"]))


INNER = Inner(file_name="a", when=datetime(2026, 1, 1, tzinfo=UTC))
COPIED = Copied(copied_bytes=2, inner=[INNER], by_name={"x": INNER})

SURVIVES: list[tuple[Any, Any]] = [
    (Copied, COPIED),
    (Copied | None, COPIED),
    (list[Copied], [COPIED, Copied(copied_bytes=1)]),
    (dict[str, Inner], {"a": INNER}),
    (Strict, Strict(day=date(2026, 2, 3), raw=b"xyz")),
    (Tree, Tree(name="a", children=[Tree(name="b")])),
    (Names, Names(["a", "b"])),
    (Generically[Inner], Generically[Inner](holds=INNER)),
    (Place, Place(1, INNER)),
    (Inner | Place, Place(3)),
    (Mixed, Mixed(COPIED, [COPIED], INNER)),
    (None, COPIED),
    (None, {"models": [COPIED]}),
]


@pytest.mark.parametrize(("hint", "payload"), SURVIVES, ids=range(len(SURVIVES)))
def test_what_pydantic_can_read_back_survives(hint: Any, payload: Any) -> None:
    text = codec.payload_encoder(hint)(payload)
    if hint is not None:
        assert codec.decode_payload(hint, text) == payload


def test_pydantic_decides_the_keys() -> None:
    assert codec.decode_payload(None, codec.encode_payload(Mixed(COPIED)))["theModel"] == {
        "copiedBytes": 2,
        "totalBytes": None,
        "kind": "copy",
        "price": "1.10",
        "took": "PT1.5S",
        "inner": [{"file_name": "a", "when": "2026-01-01T00:00:00Z"}],
        "byName": {"x": {"file_name": "a", "when": "2026-01-01T00:00:00Z"}},
    }


async def test_a_task_with_models_runs_and_its_worker_gets_models() -> None:
    seen: list[ModelTask] = []

    async def script(context: Context) -> None:
        seen.append(context.task)
        context.set_payload(COPIED)

    container = container_of(background_task(ModelTask, worker_of(script), payload_type=Copied))
    task = ModelTask(options=COPIED, place=Place(2), tree=Tree(name="t"))
    async with running(container) as manager:
        info = await run_to_end(manager, task)
    assert info.payload == COPIED
    assert seen == [task]
    assert (await run_worker(container, task)).info.payload == COPIED


class Sub(Inner):
    extra: int = 0


class Secret(BaseModel):
    password: SecretStr


class Loose(BaseModel):
    anything: Any = None
    number: float = 0.0
    _hidden: int = PrivateAttr(default=0)


def hiding() -> Loose:
    model = Loose()
    model._hidden = 5  # noqa: SLF001 - private attributes are what this is about
    return model


CHANGES: list[tuple[Any, Any, str]] = [
    (Inner, Sub(file_name="a", when=INNER.when, extra=2), "payload "),
    (Copied, COPIED.model_copy(update={"copied_bytes": "many"}), "payload .*copiedBytes"),
    (Copied, COPIED.model_copy(update={"copied_bytes": 2.5}), "payload .*copiedBytes"),
    (Copied, COPIED.model_copy(update={"kind": "fly"}), "payload .*kind"),
    (Secret, Secret(password=SecretStr("x")), r"payload\.password "),
    (Loose, Loose(anything=date(2026, 1, 1)), r"payload\.anything "),
    (Loose, Loose(anything={"x": (1, 2)}), r"payload\.anything\['x'\] "),
    (Loose, Loose(number=float("nan")), r"payload\.number "),
    (Loose, hiding(), "payload "),
    (Strict, Strict(day=date(2026, 1, 1), raw=b"\xff"), "payload"),
    (Mixed, Mixed(COPIED.model_copy(update={"copied_bytes": None})), r"payload.*copiedBytes"),
    (dict[str, Any], {"model": INNER}, r"payload\['model'\] "),
]


@pytest.mark.parametrize(("hint", "payload", "said"), CHANGES, ids=range(len(CHANGES)))
def test_what_does_not_come_back_equal_is_refused(hint: Any, payload: Any, said: str) -> None:
    with pytest.raises(SerializationError, match=said) as refused:
        codec.payload_encoder(hint)(payload)
    assert "errors.pydantic.dev" not in str(refused.value)


@frozen
class Arbitrary:
    number: int


class Holding(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    held: Arbitrary


class Calling(BaseModel):
    callback: Callable[[], int]


class OneWay(BaseModel):
    file_name: str = Field(serialization_alias="fileName")


class OtherWay(BaseModel):
    file_name: str = Field(validation_alias="fileName")


class Around(BaseModel):
    inner: list[OneWay]


@pytest.mark.parametrize("model", [Holding, Calling, OneWay, OtherWay, Around])
@pytest.mark.parametrize("within", ["alone", "list", "optional"])
def test_a_model_that_could_not_be_read_back_is_refused_at_registration(
    model: Any, within: str
) -> None:
    hint = {"alone": model, "list": list[model], "optional": model | None}[within]
    container = container_of(background_task(ModelTask, worker_of(done), payload_type=hint))
    with pytest.raises(RegistrationError, match=r"Holding|Calling|OneWay|OtherWay"):
        container.registry()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Pydantic 1 does not run there")
def test_a_model_of_pydantic_1_is_refused_at_registration() -> None:
    from pydantic import v1

    class Old(v1.BaseModel):
        number: int

    container = container_of(background_task(ModelTask, worker_of(done), payload_type=list[Old]))
    with pytest.raises(RegistrationError, match="Old is a model of Pydantic 1"):
        container.registry()


def test_generated_types_are_what_pydantic_sends() -> None:
    def payload_of(hint: Any) -> str:
        container = container_of(background_task(ModelTask, worker_of(done), payload_type=hint))
        return typescript(container.registry(), "test")

    copied = payload_of(Copied | None)
    assert (
        """\
/** How far a copy is. */
export interface Copied {
  copiedBytes: number;
  totalBytes: number | null;
  kind: "copy" | "move";
  price: string;
  took: string;
  inner: ({ "file_name": string; "when": string })[];
  byName: Record<string, { "file_name": string; "when": string }>;
}
"""
        in copied
    )
    assert "ModelTask: Copied | null;" in copied
    assert "  children: Tree[];" in payload_of(Tree)
    assert "export type Names = string[];" in payload_of(Names)
    assert "  theModels: Copied[];" in payload_of(Mixed)


def test_bgtasks_imports_no_pydantic_by_itself() -> None:
    code = (
        "import sys, attrs, bgtasks.core.codec as s\n"
        "made = attrs.make_class('Made', {'number': attrs.field(type=int)}, frozen=True)\n"
        "before = 'pydantic' in sys.modules\n"
        "s.TaskCodec().payload_encoder(made)(made(1))\n"
        "print(before or 'pydantic' not in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True"
