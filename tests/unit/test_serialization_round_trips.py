"""Whatever a task or payload may be made of survives the way to JSON and back."""

import dataclasses
import enum
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import cattrs
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import BackgroundTaskBase
from bgtasks.core.codec import TaskCodec, camel_case, configure, make_converter

T = TypeVar("T")
codec = TaskCodec()


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x_coordinate: float
    label: str | None = None


@frozen
class Leaf:
    colour: Colour
    at: datetime
    took: timedelta


@frozen
class Box(Generic[T]):
    in_side: T


@frozen(kw_only=True)
class Everything(BackgroundTaskBase):
    text: str
    number: int
    flag: bool
    real: float
    day: date
    at: datetime
    took: timedelta
    price: Decimal
    path: Path
    other_id: UUID
    colour: Colour
    maybe: int | None
    point: Point
    leaves: list[Leaf]
    by_name: dict[str, Point]
    pair: tuple[int, str]
    some: frozenset[int]
    either: int | str
    anything: Any = None


class Weekday(enum.IntEnum):
    MONDAY = 1


# Without what no file name or JSON text has: surrogates; NUL is no part of a path.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5.5)), timezone(-timedelta(hours=9))])
times = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - the zone comes from the next argument
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
# A float of seconds holds microseconds up to some 285 years.
spans = st.timedeltas(timedelta(days=-30000), timedelta(days=30000))
colours = st.sampled_from(Colour)
points = st.builds(Point, st.floats(allow_nan=False, allow_infinity=False), st.none() | texts)
leaves = st.builds(Leaf, colours, times, spans)
json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
everything = st.builds(
    Everything,
    id=st.uuids(),
    text=texts,
    number=st.integers(),
    flag=st.booleans(),
    real=st.floats(allow_nan=False, allow_infinity=False),
    day=st.dates(),
    at=times,
    took=spans,
    price=st.decimals(allow_nan=False, allow_infinity=False),
    path=texts.filter(lambda text: "\0" not in text).map(Path),
    other_id=st.uuids(),
    colour=colours,
    maybe=st.none() | st.integers(),
    point=points,
    leaves=st.lists(leaves, max_size=3),
    by_name=st.dictionaries(texts, points, max_size=3),
    pair=st.tuples(st.integers(), texts),
    some=st.frozensets(st.integers(), max_size=4),
    either=st.integers() | texts,
    anything=json_data,
)


@given(everything)
def test_a_task_of_everything_comes_back_equal(task: Everything) -> None:
    text = codec.encode_task(task)
    assert codec.decode_task(Everything, text) == task


@given(everything)
def test_what_is_stored_is_strict_json(task: Everything) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert isinstance(json.loads(codec.encode_task(task), parse_constant=refuse), dict)


@given(st.lists(leaves, max_size=3))
def test_a_payload_comes_back_as_its_registered_type(payload: list[Leaf]) -> None:
    assert codec.decode_payload(list[Leaf], codec.encode_payload(payload)) == payload


@given(points)
def test_a_payload_of_a_generic_class_comes_back(point: Point) -> None:
    text = codec.encode_payload(Box(point))
    assert codec.decode_payload(Box[Point], text) == Box(point)


@given(json_data)
def test_plain_json_data_is_a_payload_without_a_type(payload: Any) -> None:
    assert codec.decode_payload(None, codec.encode_payload(payload)) == payload


@given(times)
def test_aware_times_are_utc_with_microseconds_and_a_z(at: datetime) -> None:
    text = json.loads(codec.encode_payload(Leaf(Colour.RED, at, timedelta(0))) or "")["at"]
    assert text.endswith("Z")
    assert len(text) == len("2026-01-02T03:04:05.678901Z")
    assert datetime.fromisoformat(text) == at


def test_the_fields_of_attrs_classes_and_dataclasses_are_camel_case() -> None:
    assert json.loads(codec.encode_payload(Box(Point(1.0))) or "") == {
        "inSide": {"xCoordinate": 1.0, "label": None}
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("copied_bytes", "copiedBytes"),
        ("id", "id"),
        ("a_b_c", "aBC"),
        ("_private", "private"),
        ("sha256_sum", "sha256Sum"),
        ("alreadyCamel", "alreadyCamel"),
    ],
)
def test_camel_case(name: str, expected: str) -> None:
    assert camel_case(name) == expected


def test_a_payload_that_no_longer_fits_its_type_is_given_as_plain_data() -> None:
    assert codec.decode_payload(Point, '{"gone":1}') == {"gone": 1}


def test_no_payload_is_no_payload() -> None:
    assert codec.encode_payload(None) is None
    assert codec.decode_payload(Point, None) is None


def test_int_enums_and_other_unusual_but_encodable_values_are_payloads() -> None:
    assert codec.encode_payload({"day": Weekday.MONDAY}) == '{"day":1}'


def test_a_converter_of_ones_own_can_be_taught_the_same_shapes() -> None:
    converter = cattrs.Converter()
    configure(converter)
    made = converter.unstructure(Point(2.0, "x"))
    assert made == {"xCoordinate": 2.0, "label": "x"}
    assert made == make_converter().unstructure(Point(2.0, "x"))
