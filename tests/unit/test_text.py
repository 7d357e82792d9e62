"""Texts that come from outside."""

import pytest

from bgtasks import SettingsError, background_task
from bgtasks.query import make_query
from bgtasks.text import MAX_TRACEBACK, clean, cut_traceback, describe
from bgtasks.worker import UNSET

from .support import Work, container_of, done, worker_of


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
    query = make_query(type="a\0", status=UNSET, owner=["b\0", None], limit=1, cursor=None)
    assert query.types == ("a\N{REPLACEMENT CHARACTER}",)
    assert query.owners == ("b\N{REPLACEMENT CHARACTER}", None)


@pytest.mark.parametrize("name", ["a\0b", "\udcff"])
def test_a_type_name_that_cannot_be_stored_is_refused(name: str) -> None:
    container = container_of(background_task(Work, worker_of(done), type_name=name))
    with pytest.raises(SettingsError, match="no NUL and no lone surrogates"):
        container.registry()
