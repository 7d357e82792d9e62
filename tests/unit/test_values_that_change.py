"""What comes back from JSON equal is accepted; what does not is refused, by field (FAULTS 16)."""

import collections
import dataclasses
import enum
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import attrs
import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import BackgroundTaskBase, RegistrationError, SerializationError
from bgtasks import background_task as register
from bgtasks.core.codec import TaskCodec
from tests.hosts.scripted import container_of, done, worker_of

T = TypeVar("T")
codec = TaskCodec()


class Colour(enum.Enum):
    RED = "red"


class Word(enum.StrEnum):
    YES = "yes"


class Level(enum.IntEnum):
    HIGH = 3


class Pair(enum.Enum):
    BOTH = (1, 2)


class Place(NamedTuple):
    row: int
    column: int = 0


class Options(TypedDict, total=False):
    deep_scan: bool


UserId = NewType("UserId", int)


@frozen
class Base:
    name: str


@frozen
class Sub(Base):
    extra: int = 0


@frozen
class Box(Generic[T]):
    inner: T


@dataclasses.dataclass
class Point:
    x: float
    label: str = ""


@define(eq=False)
class ByIdentity:
    number: int


@frozen(kw_only=True)
class Typed(BackgroundTaskBase):
    """A field for each kind of type; each test gives one of them."""

    whole: int = 0
    real: float = 0.0
    flag: bool = False
    text: str = ""
    maybe: int | None = None
    day: date = date(2026, 1, 1)
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    took: timedelta = timedelta(0)
    price: Decimal = Decimal(0)
    path: Path = Path()
    pure: PurePosixPath = PurePosixPath()  # noqa: RUF009
    key: UUID = UUID(int=0)  # noqa: RUF009
    raw: bytes = b""
    colour: Colour = Colour.RED
    pair: Pair | None = None
    kind: Literal["a", 1] = "a"
    user: UserId = UserId(0)
    numbers: list[int] = field(factory=list)
    several: tuple[int, ...] = ()
    two: tuple[int, str] = (0, "")
    some: frozenset[int] = frozenset()
    order: Sequence[int] = ()
    queue: collections.deque[int] = field(factory=collections.deque)
    by_name: dict[str, int] = field(factory=dict)
    by_number: dict[int, str] = field(factory=dict)
    by_flag: dict[bool, str] = field(factory=dict)
    by_day: dict[date, int] = field(factory=dict)
    place: Place = Place(0)  # noqa: RUF009
    options: Options = field(factory=lambda: Options())
    base: Base = Base("")
    points: list[Point] = field(factory=list)
    box: Box[Base] = Box(Base(""))
    same: ByIdentity = field(factory=lambda: ByIdentity(0))
    loose: dict[str, Any] = field(factory=dict)
    anything: Any = None
    thing: object = None


BERLIN = ZoneInfo("Europe/Berlin")

SURVIVES: list[tuple[str, Any]] = [
    ("whole", 2**60),
    ("whole", True),
    ("whole", 2.0),
    ("whole", Level.HIGH),
    ("real", 2),
    ("real", -0.0),
    ("flag", 1),
    ("text", "caf\udce9"),
    ("text", "a\0b"),
    ("text", Word.YES),
    ("maybe", None),
    ("at", datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)),
    ("at", datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)),
    ("at", datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN)),
    ("at", datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5.5)))),
    ("at", datetime(2026, 1, 1, 12, 0, 0, 7)),  # noqa: DTZ001 - naive stays naive
    ("at", datetime.max),  # noqa: DTZ901
    ("took", timedelta(days=-30000, microseconds=1)),
    ("took", timedelta(seconds=2**32, microseconds=-1)),
    ("took", timedelta.max - timedelta(days=1, microseconds=999_999)),
    ("price", Decimal("1.10")),
    ("price", Decimal("Infinity")),
    ("path", Path("caf\udce9")),
    ("pure", PurePosixPath("a/b")),
    ("raw", bytes(range(256))),
    ("kind", 1),
    ("numbers", [1, 2.0, True]),
    ("order", [1, 2]),
    ("order", (1, 2)),
    ("queue", collections.deque([1])),
    ("by_name", collections.OrderedDict(a=1)),
    ("by_number", {1: "a", -2: "b"}),
    ("by_day", {date(2026, 1, 1): 1}),
    ("place", Place(1, 2)),
    ("options", Options(deep_scan=True)),
    ("points", [Point(1.0, "a")]),
    ("box", Box(Base("b"))),
    ("same", ByIdentity(3)),
    ("loose", {"a": [1, None, {"b": 1.5}], "c": Word.YES}),
    ("anything", [[], {}, "x", None]),
    ("thing", {"a": [1]}),
]


@pytest.mark.parametrize(("name", "value"), SURVIVES, ids=range(len(SURVIVES)))
def test_what_comes_back_equal_is_accepted(name: str, value: Any) -> None:
    task = Typed(**{name: value})
    back = getattr(codec.decode_task(Typed, codec.encode_task(task)), name)
    if isinstance(value, datetime) and value.tzinfo is not None:
        assert back == value.astimezone(UTC)
    elif isinstance(value, ByIdentity):
        assert back.number == value.number
    else:
        assert back == value or list(back) == list(value)


class Nowhere(tzinfo):
    """Neither naive nor aware."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str | None:
        return None


CHANGES: list[tuple[str, Any, str]] = [
    ("whole", 2.5, "whole"),
    ("whole", "5", "whole"),
    ("whole", "many", "whole"),
    ("whole", None, "whole"),
    ("real", 2**60 + 1, "real"),
    ("real", "1.5", "real"),
    ("real", float("nan"), "real"),
    ("flag", "false", "flag"),
    ("flag", None, "flag"),
    ("text", None, "text"),
    ("text", 5, "text"),
    ("text", b"a", "text"),
    ("text", "\ud83d\ude00", "text"),
    ("maybe", 2.5, "maybe"),
    ("day", datetime(2026, 1, 1, 5, tzinfo=UTC), "day"),
    ("day", "2026-01-01", "day"),
    ("at", date(2026, 1, 1), "at"),
    ("at", "2026-01-01T00:00:00Z", "at"),
    ("at", datetime(2026, 1, 1, tzinfo=Nowhere()), "at"),
    ("took", timedelta.max, "took"),
    ("took", timedelta(days=400_000_000, microseconds=1), "took"),
    ("took", timedelta(days=99_999, microseconds=1), "took"),
    ("took", 5, "took"),
    ("price", Decimal("NaN"), "price"),
    ("price", Decimal("sNaN"), "price"),
    ("price", 0.1, "price"),
    ("path", "a/b", "path"),
    ("key", str(UUID(int=1)), "key"),
    ("raw", "abcde", "raw"),
    ("colour", "red", "colour"),
    ("pair", Pair.BOTH, "pair"),
    ("kind", "b", "kind"),
    ("user", 1.5, "user"),
    ("numbers", (1, 2), "numbers"),
    ("numbers", [1, 2.5], r"numbers\[1\]"),
    ("several", [1], "several"),
    ("two", (1, 2), r"two\[1\]"),
    ("two", (1, "a", "b"), "two"),
    ("some", frozenset([1, 2.5]), "some"),
    ("by_name", {1: 1}, "by_name"),
    ("by_name", {"a": 1.5}, r"by_name\['a'\]"),
    ("by_number", {"1": "a"}, "by_number"),
    ("by_flag", {True: "a", False: "b"}, "by_flag"),
    ("place", Place(1, 2.5), r"place\[1\]"),  # type: ignore[arg-type]
    ("base", Sub("a", 5), "base"),
    ("base", Sub("a"), "base"),
    ("base", Base(None), r"base\.name"),  # type: ignore[arg-type]
    ("points", [Point(1.0), Point(2.0, None)], r"points\[1\]\.label"),  # type: ignore[arg-type]
    ("box", Box(Sub("a")), r"box\.inner"),
    ("same", ByIdentity(2.5), r"same\.number"),  # type: ignore[arg-type]
    ("loose", {"day": date(2026, 1, 1)}, r"loose\['day'\]"),
    ("loose", {"at": datetime(2026, 1, 1, tzinfo=UTC)}, r"loose\['at'\]"),
    ("loose", {"key": uuid4()}, r"loose\['key'\]"),
    ("loose", {"price": Decimal(1)}, r"loose\['price'\]"),
    ("loose", {"raw": b"a"}, r"loose\['raw'\]"),
    ("loose", {"colour": Colour.RED}, r"loose\['colour'\]"),
    ("loose", {"pair": (1, 2)}, r"loose\['pair'\]"),
    ("loose", {"some": {1}}, r"loose\['some'\]"),
    ("loose", {"path": Path("a")}, r"loose\['path'\]"),
    ("loose", {"took": timedelta(1)}, r"loose\['took'\]"),
    ("loose", {"base": Base("a")}, r"loose\['base'\]"),
    ("loose", {"deep": [{"x": [Base("a")]}]}, r"loose\['deep'\]\[0\]\['x'\]\[0\]"),
    ("loose", {"deep": {1: "a"}}, r"loose\['deep'\]"),
    ("loose", {1: "a"}, "loose"),
    ("loose", {"a": 1, Colour.RED: 2}, "loose"),
    ("loose", {"x": {None: 1}}, r"loose\['x'\]"),
    ("anything", (1, 2), "anything"),
    ("anything", date(2026, 1, 1), "anything"),
    ("anything", Colour.RED, "anything"),
    ("anything", Base("a"), "anything"),
    ("anything", {1: "a", "1": "b"}, "anything"),
    ("thing", (1,), "thing"),
    ("thing", Place(1), "thing"),
]


@pytest.mark.parametrize(("name", "value", "named"), CHANGES, ids=range(len(CHANGES)))
def test_what_does_not_come_back_equal_is_refused_by_its_field(
    name: str, value: Any, named: str
) -> None:
    with pytest.raises(SerializationError, match=rf"Typed\.{named}( |:|$)"):
        codec.encode_task(Typed(**{name: value}))


@frozen
class Report:
    """The same as a payload."""

    typed: Typed


@pytest.mark.parametrize(("name", "value", "named"), CHANGES, ids=range(len(CHANGES)))
@pytest.mark.parametrize("declared", [True, False])
def test_a_payload_that_does_not_come_back_equal_is_refused_by_its_field(
    name: str, value: Any, named: str, declared: bool
) -> None:
    encode = codec.payload_encoder(Report if declared else None)
    with pytest.raises(SerializationError, match=rf"payload\.typed\.{named}( |:|$)"):
        encode(Report(Typed(**{name: value})))


@pytest.mark.parametrize(
    ("hint", "payload", "named"),
    [
        (Any, {"day": date(2026, 1, 1)}, r"payload\['day'\]"),
        (Any, [(1, 2)], r"payload\[0\]"),
        (Any, Colour.RED, "payload"),
        (Any, {1: "a"}, "payload"),
        (None, {"a": {"b": uuid4()}}, r"payload\['a'\]\['b'\]"),
        (None, [Base(None)], r"payload\[0\]\.name"),  # type: ignore[arg-type]
        (dict[str, Any], {"base": Base("a")}, r"payload\['base'\]"),
        (Base, Sub("a", 1), "payload"),
        (Base, {"name": "a"}, "payload"),
        (int, 2.5, "payload"),
        (int, "5", "payload"),
        (str, 5, "payload"),
        (type(None), 5, "payload"),
        (Base | int, 2.5, "payload"),
        (list[Base], [Base("a"), Sub("b")], r"payload\[1\]"),
        (Box[int], Box(2.5), r"payload\.inner"),
        (Box, Box(Base("a")), r"payload\.inner"),
    ],
)
def test_a_payload_that_is_not_what_was_declared_is_refused(
    hint: Any, payload: Any, named: str
) -> None:
    with pytest.raises(SerializationError, match=rf"^{named}( |:|$)"):
        codec.payload_encoder(hint)(payload)


@pytest.mark.parametrize(
    "payload",
    [Base("a"), [Base("a"), Sub("b", 1)], {"files": [Point(1.0)]}, [{"a": [1, None]}, 1.5, "x"]],
)
def test_where_no_payload_is_declared_objects_may_be_reported_as_data(payload: Any) -> None:
    assert codec.payload_encoder(None)(payload) == codec.encode_payload(payload)


@frozen(kw_only=True)
class Computed(BackgroundTaskBase):
    size: int = 1
    twice: int = field(init=False)
    cache: dict[str, int] = field(init=False, eq=False, factory=dict)

    @twice.default
    def _double(self) -> int:
        return self.size * 2


def test_fields_that_are_computed_are_computed_again() -> None:
    task = Computed(size=3)
    task.cache["used"] = 1
    assert codec.decode_task(Computed, codec.encode_task(task)) == task


def test_a_computed_field_that_was_changed_is_refused() -> None:
    task = Computed(size=3)
    object.__setattr__(task, "twice", 7)
    with pytest.raises(SerializationError, match=r"Computed\.twice .*int 7 becomes int 6"):
        codec.encode_task(task)


def without_spaces(value: str) -> str:
    return value.strip()


def one_more(value: int) -> int:
    return value + 1


@frozen(kw_only=True)
class Converted(BackgroundTaskBase):
    once: str = field(default="", converter=without_spaces)
    again: int = field(default=0, converter=one_more)


def test_a_converter_that_changes_a_value_once_more_is_refused() -> None:
    with pytest.raises(SerializationError, match=r"Converted\.again .*1 becomes int 2"):
        codec.encode_task(Converted(once=" x "))


@frozen(kw_only=True)
class Private(BackgroundTaskBase):
    _hidden: int
    given: int = field(alias="other", default=0)


def test_private_and_renamed_fields_come_back() -> None:
    task = Private(hidden=1, other=2)
    assert codec.decode_task(Private, codec.encode_task(task)) == task


# Depth and Unicode


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


def test_payloads_and_fields_are_nested_at_most_64_deep() -> None:
    """FAULTS 15"""
    encode = codec.payload_encoder(None)
    assert json.loads(encode(nested(64)) or "") == nested(64)
    task = Typed(anything=nested(64))
    assert codec.decode_task(Typed, codec.encode_task(task)).anything == task.anything
    for depth in (65, 320, 900, 50_000):
        with pytest.raises(SerializationError, match=r"^payload\S* .*nested too deeply"):
            encode({"wide": ["[" * 70], "deep": nested(depth)})
        with pytest.raises(SerializationError, match=r"^Typed\.anything\S* .*nested too deeply"):
            codec.encode_task(Typed(anything=nested(depth)))


def test_brackets_in_texts_and_wide_values_are_not_deep() -> None:
    payload = {"text": "[{" * 500 + '"', "wide": [[{}] for _ in range(500)]}
    assert json.loads(codec.payload_encoder(None)(payload) or "") == payload


def test_lone_surrogates_in_payloads_become_question_marks_as_in_messages() -> None:
    """FAULTS 15: a strange file name kills no work, and what is accepted can be sent."""
    payload = {"caf\udce9": ["\udcff\0", "\N{GRINNING FACE}"], "n": 1}
    text = codec.payload_encoder(dict[str, Any])(payload)
    assert json.loads(text or "") == {"caf?": ["?\0", "\N{GRINNING FACE}"], "n": 1}
    (text or "").encode("utf-8")


def test_keys_that_would_become_the_same_are_refused() -> None:
    with pytest.raises(SerializationError, match="keys that differ in lone surrogates only"):
        codec.payload_encoder(None)(dict.fromkeys(["\udce9", "\udcff"], 1))


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


def test_a_value_that_cannot_be_shown_is_refused_by_its_field() -> None:
    """FAULTS 19"""
    for value in (Unshowable(), [Unshowable()], 10**5000, {10**5000: 1}):
        with pytest.raises(SerializationError, match=r"Typed\.anything"):
            codec.encode_task(Typed(anything=value))


def test_a_date_in_a_datetime_field_is_refused_with_what_is_annotated() -> None:
    """FAULTS 19"""
    with pytest.raises(SerializationError, match=r"Typed\.at .*date.*datetime is annotated"):
        codec.encode_task(Typed(at=date(2026, 1, 1)))  # type: ignore[arg-type]


@frozen
class Node:
    name: str
    children: "list[Node]" = field(factory=list)


def test_types_that_lead_back_to_themselves_are_checked_to_the_end() -> None:
    encode = codec.payload_encoder(Node)
    tree = Node("a", [Node("b", [Node("c")])])
    assert codec.decode_payload(Node, encode(tree)) == tree
    with pytest.raises(SerializationError, match=r"^payload\.children\[0\]\.children\[0\]\.name "):
        encode(Node("a", [Node("b", [Node(None)])]))  # type: ignore[arg-type]


def test_many_threads_may_be_the_first_to_use_a_type() -> None:
    tree = Node("a", [Node("b")])
    for _ in range(20):
        fresh, barrier = TaskCodec(), threading.Barrier(4)

        def report(fresh: TaskCodec = fresh, barrier: threading.Barrier = barrier) -> str | None:
            barrier.wait()
            return fresh.payload_encoder(Node)(tree)

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(report) for _ in range(4)]
        assert {future.result() for future in futures} == {codec.encode_payload(tree)}


# What is wrong with a type is said when it is registered


@frozen(kw_only=True)
class Colliding(BackgroundTaskBase):
    a_b: int = 1
    aB: int = 2  # noqa: N815


@frozen
class Inside:
    file_name: str
    _fileName: str = ""  # noqa: N815


@frozen(kw_only=True)
class Around(BackgroundTaskBase):
    items: dict[str, list[Inside] | None] = field(factory=dict)


@dataclasses.dataclass
class Taking:
    given: int
    passing: dataclasses.InitVar[int]


@frozen(kw_only=True)
class WithTaking(BackgroundTaskBase):
    taking: Taking | None = None


@pytest.mark.parametrize(
    ("task_type", "said"),
    [
        (Colliding, "'a_b' and 'aB' of Colliding .*'aB'"),
        (Around, "'file_name' and '_fileName' of Inside .*'fileName'"),
        (WithTaking, r"Taking\(passing=\.\.\.\) is no field"),
    ],
)
def test_a_task_type_that_json_would_keep_in_part_is_refused_at_registration(
    task_type: type[BackgroundTaskBase], said: str
) -> None:
    container = container_of(register(task_type, worker_of(done)))
    with pytest.raises(RegistrationError, match=said):
        container.registry()


@pytest.mark.parametrize(
    "payload_type", [complex, list[complex], Base | list[Base] | None, Box[bytearray]]
)
def test_a_payload_type_that_json_cannot_hold_is_refused_at_registration(payload_type: Any) -> None:
    container = container_of(register(Typed, worker_of(done), payload_type=payload_type))
    with pytest.raises(SerializationError, match=r"cannot be read back from JSON: .*none of"):
        container.registry()


@pytest.mark.parametrize("payload_type", [Inside, list[Inside], Box[Inside], Taking | None])
def test_a_payload_type_that_json_would_keep_in_part_is_refused_too(payload_type: Any) -> None:
    container = container_of(register(Typed, worker_of(done), payload_type=payload_type))
    with pytest.raises(RegistrationError, match=r"Inside|Taking"):
        container.registry()


# Whatever it is: equal, or refused

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=4)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.binary(max_size=4)
    | st.sampled_from([*Colour, *Word, *Level, *Pair])
    | st.builds(Base, st.text(max_size=3))
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
        | st.builds(Box, inner)
    ),
    max_leaves=6,
)
names = st.sampled_from([item.name for item in attrs.fields(Typed) if item.name != "id"])


@given(names, values)
def test_any_value_in_any_field_comes_back_equal_or_is_refused(name: str, value: Any) -> None:
    task = Typed(**{name: value})
    try:
        text = codec.encode_task(task)
    except SerializationError as error:
        assert f"Typed.{name}" in str(error)  # noqa: PT017
        return
    back = codec.decode_task(Typed, text)
    if isinstance(value, datetime) and value.tzinfo is not None:
        assert getattr(back, name) == value.astimezone(UTC)
    elif name == "order":
        assert list(getattr(back, name)) == list(value)
    else:
        assert getattr(back, name) == value


@given(values)
def test_any_payload_that_is_accepted_can_be_sent(value: Any) -> None:
    try:
        text = codec.payload_encoder(None)(value)
    except SerializationError as error:
        assert str(error).startswith("payload")  # noqa: PT017
        return
    json.dumps(codec.decode_payload(None, text), ensure_ascii=False, allow_nan=False).encode()


@define
class TwiceTheKey:
    """Both fields are sent as ``aB``; nobody registers it."""

    a_b: int = 1
    aB: int = 2  # noqa: N815


def test_an_undeclared_payload_with_two_fields_of_one_key_is_refused() -> None:
    """FAULTS 16."""
    with pytest.raises(SerializationError, match=r"payload\.a_b"):
        TaskCodec().payload_encoder(Any)(TwiceTheKey())
