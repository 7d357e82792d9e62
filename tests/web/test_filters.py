"""A filter as clients write it: in a query, in a body, on a command line."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bgtasks import BackgroundTaskStatus, QueryError, TaskFilter
from bgtasks.models import UNSET
from bgtasks.web.filters import parse_filter, written_filter

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def read(**given: str | list[str]) -> TaskFilter:
    return parse_filter(
        {name: [value] if isinstance(value, str) else value for name, value in given.items()}
    )


def test_everything_that_can_be_asked_is_read_as_it_was_written() -> None:
    wanted = TaskFilter(
        type=["Copy", "Scan"],
        status=["Failed", BackgroundTaskStatus.CANCELLED],
        owner=["ada", None],
        created_after=NOON,
        created_before=NOON + timedelta(microseconds=1),
        started_after=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
        started_before=NOON,
        ended_after=NOON,
        ended_before=NOON,
        q="größe 50%",
        arguments={"share": "photos", "options.größe": 3, "dry": True, "note": None},
        view="retrying",
        error="0123456789abcdef",
    )
    given: dict[str, list[str]] = {}
    for name, value in written_filter(wanted):
        given.setdefault(name, []).append(value)
    assert parse_filter(given) == wanted


def test_nothing_asked_is_everything() -> None:
    assert parse_filter({}) == TaskFilter()
    assert written_filter(TaskFilter()) == []
    assert TaskFilter().is_everything
    assert not TaskFilter(owner=None).is_everything
    assert not TaskFilter(q="x").is_everything
    assert TaskFilter().owner is UNSET


def test_a_range_may_be_open_at_one_end() -> None:
    noon = "2026-01-31T12:00:00Z"
    assert read(created=f"{noon}..") == TaskFilter(created_after=NOON)
    assert read(ended=f"..{noon}") == TaskFilter(ended_before=NOON)
    assert read(started=f"{noon}..{noon}") == TaskFilter(started_after=NOON, started_before=NOON)


def test_a_plus_that_arrives_as_a_space_is_still_one() -> None:
    assert read(created_after="2026-01-31T13:00:00 01:00").created_after == NOON


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"created": "2026-01-31T12:00:00Z"}, "created is '2026-01-31T12:00:00Z'; accepted: a tim"),
        ({"created": ".."}, "created is '..'"),
        ({"created": "yesterday.."}, "created is 'yesterday'"),
        ({"created_after": "2026-01-31T12:00:00"}, "with its zone"),
        ({"created_after": "99999-01-31T12:00:00Z"}, "created_after is"),
        ({"error": "OSError"}, "error is 'OSError'; accepted: the group of a failure"),
        ({"view": "sleeping"}, "view is 'sleeping'; accepted: waiting, scheduled, retrying"),
        ({"q": "x" * 201}, "at most 10 words and 200 characters"),
        ({"q": "x " * 11}, "at most 10 words"),
        ({"q": ["a", "b"]}, "q is given 2 times; accepted: once"),
        ({"args.share": ["a", "b"]}, "args.share is given 2 times; accepted: once"),
        ({"args.": "a"}, "an argument is named ''; accepted: up to 10 keys"),
        ({"args.a..b": "a"}, "an argument is named 'a..b'"),
        ({'args.a"b': "a"}, "no quotation marks"),
        ({"args.a\\b": "a"}, "no quotation marks"),
        ({"args." + "a." * 10 + "a": "a"}, "up to 10 keys"),
        ({"args." + "a" * 201: "a"}, "in at most 200 characters"),
        ({"args.a": "x" * 1001}, "the argument a is 'xxx"),
        ({f"args.a{number}": "x" for number in range(6)}, "more than 5 paths"),
        ({"status": "Paused"}, "status is 'Paused'"),
        (
            {"created": "2026-01-31T12:00:00Z..", "created_after": "2026-01-31T12:00:00Z"},
            "created_after is given twice",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    given: dict[str, str | list[str]], said: str
) -> None:
    with pytest.raises(QueryError) as refused:
        read(**given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"created_after": NOON.replace(tzinfo=None)}, "created_after is"),
        ({"ended_before": "2026"}, "ended_before is '2026'"),
        ({"q": 5}, "q is 5"),
        ({"view": 5}, "view is 5"),
    ],
)
def test_what_python_cannot_ask_is_refused_by_name(given: dict[str, object], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        TaskFilter(**given)  # type: ignore[arg-type]
