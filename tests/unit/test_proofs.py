"""Types that are known to survive JSON need no trial (FAULTS 16)."""

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import BackgroundTaskBase
from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.proofs import Proofs
from bgtasks.core.codec.shapes import make_converter
from bgtasks.core.codec.writers import Writers

T = TypeVar("T")


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: float
    label: str | None = None


@frozen
class Box(Generic[T]):
    inner: T


@frozen(kw_only=True)
class Plain(BackgroundTaskBase):
    """Of types that are proven, all of them."""

    text: str = ""
    number: int = 0
    real: float = 0.0
    flag: bool = False
    maybe: int | None = None
    either: int | str = 0
    kind: Literal["a", "b"] = "a"
    day: date = date(2026, 1, 1)
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    took: timedelta = timedelta(1)
    price: Decimal = Decimal(1)
    path: Path = Path()
    key: UUID = field(factory=lambda: UUID(int=1))
    raw: bytes = b"a"
    colour: Colour = Colour.RED
    numbers: list[int] = field(factory=list)
    some: frozenset[str] = frozenset()
    pair: tuple[int, str] = (1, "a")
    several: tuple[float, ...] = ()
    points: dict[str, Point] = field(factory=dict)
    box: Box[Point] = field(factory=lambda: Box(Point(1.0)))
    loose: dict[str, Any] = field(factory=dict)
    anything: Any = None


def test_a_plain_task_is_proven() -> None:
    check = Proofs().of(Plain)
    assert check is not None
    assert check(Plain(points={"a": Point(1.0)}, loose={"a": [1, None]}, numbers=[1]))
    assert not check(Plain(number=2.5))  # type: ignore[arg-type]
    assert not check(Plain(loose={"a": date(2026, 1, 1)}))


@define
class WithHook:
    number: int

    def __attrs_post_init__(self) -> None: ...


@define
class WithInit:
    number: int

    def __init__(self) -> None: ...


@dataclasses.dataclass
class WithOwnInit:
    number: int

    def __init__(self) -> None: ...


@frozen
class Converted:
    number: int = field(converter=int)


@frozen
class Computed:
    number: int = field(init=False, default=1)


class Plainly(Point):
    """Adds what is no field."""


@pytest.mark.parametrize("cls", [WithHook, WithInit, WithOwnInit, Converted, Computed, Plainly])
def test_a_class_that_may_be_rebuilt_as_something_else_is_never_proven(cls: type) -> None:
    assert Proofs().of(cls) is None


HINTS: list[Any] = [
    int, float, str, bool, date, datetime, timedelta, Decimal, UUID, bytes, Colour, Any,
    int | None, int | str, int | float | None, list[int], set[str], dict[str, float],
    tuple[int, str], tuple[date, ...], Literal["a", 1, True], Box[datetime], list[Box[Decimal]],
    Point, dict[str, list[Point | None]], dict[str, Any],
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    | st.dates() | st.datetimes(timezones=st.none() | st.timezones()) | st.timedeltas()
    | st.decimals() | st.uuids() | st.binary(max_size=3) | st.sampled_from(Colour),
    lambda inner: st.lists(inner, max_size=2) | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    | st.builds(Box, inner) | st.builds(Point, inner, inner),
    max_leaves=4,
)  # fmt: skip
codec = TaskCodec()


@given(st.sampled_from(HINTS), values)
def test_what_is_proven_comes_back_equal(hint: Any, value: Any) -> None:
    check = Proofs().of(hint)
    assert check is not None
    if not check(value):
        return
    try:
        text = codec.encode_payload(value)
    except ValueError:  # what JSON does not have, such as NaN, and times outside of UTC's years
        return
    back = codec.decode_payload(hint, text)
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    assert back == value or isinstance(hint, type(Box[int]))


@given(st.data())
def test_what_is_proven_is_written_as_cattrs_writes_it(data: st.DataObject) -> None:
    kinds = st.sampled_from(
        [int, float, bool, str, None, UUID, date, datetime, Colour, list[int], dict[str, float]]
    )
    hint = data.draw(kinds)
    value = data.draw(st.from_type(type(None) if hint is None else hint))
    converter = make_converter()
    text = Writers(converter, Proofs()).of(Box[hint])(Box(value))  # type: ignore[valid-type]
    assert text is None or json.loads(text) == json.loads(
        json.dumps(converter.unstructure(Box(value), Box[hint]))  # type: ignore[valid-type]
    )


def test_a_text_of_brackets_and_quotes_is_written_as_json() -> None:
    write = Writers(make_converter(), Proofs()).of(Point)
    written = write(Point(1.5, 'a "quoted" {brace} \\ \n é'))
    assert written is not None
    assert written.isascii()
    assert json.loads(written) == {"x": 1.5, "label": 'a "quoted" {brace} \\ \n é'}
    assert write(Point(float("nan"))) is None
    assert write(Point(1)) is None
