"""Texts that come from outside."""

import enum

import pytest

from bgtasks import SettingsError, background_task
from bgtasks.core.events import Failed, Interrupted, NotBegun, Report
from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.text import MAX_MESSAGE, MAX_TRACEBACK, clean, cut_traceback, describe, shown
from tests.hosts.scripted import Work, container_of, done, worker_of


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("", ""),
        ("plain", "plain"),
        ("Käse \N{CHEESE WEDGE}", "Käse \N{CHEESE WEDGE}"),
        ("a\0b\0", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ("\udcff.txt", "?.txt"),
        ("\udcff\0", "?\N{REPLACEMENT CHARACTER}"),
        ("0123456789", "0123456789"),
        ("0123456789a", "012345678…"),
    ],
)
def test_what_no_database_takes_is_replaced(text: str, fit: str) -> None:
    assert clean(text, 10) == fit


def test_nul_is_replaced_in_errors_and_tracebacks() -> None:
    assert describe(ValueError("a\0b")) == "a\N{REPLACEMENT CHARACTER}b"
    assert cut_traceback("\0") == "\N{REPLACEMENT CHARACTER}"
    assert len(cut_traceback("\0" * 100_000)) == MAX_TRACEBACK


def test_filters_are_made_as_what_is_stored() -> None:
    query = TaskFilter(type="a\0", owner=["b\0", None]).query(1)
    assert query.types == ("a\N{REPLACEMENT CHARACTER}",)
    assert query.owners == ("b\N{REPLACEMENT CHARACTER}", None)


@pytest.mark.parametrize("name", ["a\0b", "\udcff"])
def test_a_type_name_that_cannot_be_stored_is_refused(name: str) -> None:
    container = container_of(background_task(Work, worker_of(done), type_name=name))
    with pytest.raises(SettingsError, match="no NUL and no lone surrogates"):
        container.registry()


DIRTY = "caf\udce9\0" + "x" * 5000


def test_events_hold_clean_texts_only() -> None:
    """FAULTS 2: whatever makes an event, its texts can be stored."""
    fit = clean(DIRTY, MAX_MESSAGE)
    report = Report(1.0, DIRTY, DIRTY, None)
    assert (report.status_message, report.error_message) == (fit, fit)
    assert Report(1.0, None, None, None).status_message is None
    assert Failed(DIRTY).error_message == fit
    assert Failed("x", DIRTY).traceback == cut_traceback(DIRTY)
    assert (Interrupted(DIRTY).by, NotBegun(DIRTY).why) == (fit, fit)


class Word(enum.StrEnum):
    YES = "yes"


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "LOUD"


@pytest.mark.parametrize(("text", "plain"), [(Word.YES, "yes"), (Loud("soft"), "soft")])
def test_a_text_of_a_subclass_becomes_a_plain_one(text: str, plain: str) -> None:
    assert clean(text, 10) == plain
    assert type(clean(text, 10)) is str


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


class Panics:
    """As an object of a Rust extension."""

    def __repr__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        (Unshowable(), "<Unshowable whose repr() raises RuntimeError>"),
        (Panics(), "<Panics whose repr() raises SystemExit>"),
        ([Unshowable()], "<list whose repr() raises RuntimeError>"),
        (10**5000, "<int whose repr() raises ValueError>"),
        ("x" * 200, "'" + "x" * 98 + "…"),
    ],
    ids=range(6),
)
def test_a_value_can_always_be_shown(value: object, text: str) -> None:
    assert shown(value) == text
