"""Where an error was raised in the host's own code."""

import json
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.core.own_frames import MAX_FRAME, Roots, last_own
from bgtasks.execution.own_code import own_frame_of

ROOTS = Roots(
    foreign=("/usr/lib/python3.13", "/venv/lib/python3.13/site-packages/bgtasks"),
    imported=("/usr/lib/python3.13", "/srv/shop", "/srv/shop/src", "/venv/lib/site-packages"),
)

OURS = ("/venv/lib/python3.13/site-packages/bgtasks/execution/attempt.py", "Attempt.run")
PYTHONS = ("/usr/lib/python3.13/json/decoder.py", "JSONDecoder.decode")
LIBRARY = ("/usr/lib/python3.13/site-packages/sqlalchemy/engine.py", "Connection.execute")
OWN = ("/srv/shop/src/shop/exports.py", "Export.execute")
DEEPER = ("/srv/shop/tools.py", "copy")
INSTALLED = ("/venv/lib/python3.13/site-packages/shop/exports.py", "Export.execute")

CASES = [
    ([OURS, OWN, DEEPER, LIBRARY, PYTHONS], "tools.py in copy"),
    ([OURS, OWN, LIBRARY, PYTHONS], "shop/exports.py in Export.execute"),
    ([OURS, OWN, ("<string>", "make"), ("<frozen x>", "y")], "shop/exports.py in Export.execute"),
    ([OURS, INSTALLED, LIBRARY], "shop/exports.py in Export.execute"),
    ([OURS, ("/elsewhere/a/b/c/d.py", "f")], "b/c/d.py in f"),
    ([OURS, PYTHONS], None),
    ([], None),
]


@pytest.mark.parametrize(("frames", "expected"), CASES)
def test_the_last_frame_is_named_that_is_nobody_elses(
    frames: list[tuple[str, str]], expected: str | None
) -> None:
    found = last_own(frames, ROOTS)
    if expected is not None and found is not None and INSTALLED in frames:
        assert found.endswith(expected)
    else:
        assert found == expected


paths = st.text("ab./\\<: ", max_size=30)


@given(st.lists(st.tuples(paths, st.text(max_size=400)), max_size=9))
def test_any_names_give_a_bounded_name_or_none(frames: list[tuple[str, str]]) -> None:
    found = last_own(frames, ROOTS)
    assert found is None or len(found) <= MAX_FRAME


def own() -> None:
    json.loads("{")


def test_an_error_that_was_raised_in_a_library_names_who_called_it() -> None:
    with pytest.raises(ValueError, match="Expecting") as raised:
        own()
    frame = own_frame_of(raised.value)
    assert frame is not None
    assert frame.endswith(f"{PurePath(__file__).name} in own")


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert own_frame_of(ValueError()) is None


def endless(depth: int) -> None:
    endless(depth + 1)


def test_an_endless_recursion_is_named_by_its_function() -> None:
    with pytest.raises(RecursionError) as raised:
        endless(0)
    assert str(own_frame_of(raised.value)).endswith(" in endless")
