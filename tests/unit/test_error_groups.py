"""Which failures are the same one: what differs from task to task does not count."""

import re
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.core.error_groups import MAX_NORMAL, group_of, is_group, normal

NORMAL = [
    ("no space left", "no space left"),
    ("row 17 of 2024: no date in column 3", "row # of #: no date in column #"),
    ("took 30.5 s at 12:30:45 (attempt 3/5)", "took # s at # (attempt #)"),
    ("[Errno 28] No space: '/srv/a b/c.txt'", "[Errno #] No space: '…'"),
    ('KeyError: "abc"', "KeyError: '…'"),
    ("`x` is no “y”", "'…' is no '…'"),
    ("it's Ada's turn, isn't it", "it's Ada's turn, isn't it"),
    ("no space on /mnt/share-7/out.mp4", "no space on <path>"),
    ("share/7/out.mp4 is gone, so is ../x", "<path> is gone, so is <path>"),
    (r"C:\Users\ada\x.txt is missing", "<path> is missing"),
    ("2024/01/report.csv is late", "<path> is late"),
    ("http://host:80/a?b=1 said 503", "<url> said #"),
    ("user ada@example.org is unknown", "user <mail> is unknown"),
    ("task 0193a1b2-aaaa-7bbb-8ccc-0123456789ab", "task <id>"),
    ("task 0193a1b2aaaa7bbb8ccc0123456789ab", "task <id>"),
    ("<foo.Bar object at 0x7f3a2c>", "<foo.Bar object at <id>>"),
    ("commit deadbeef1 is gone", "commit <id> is gone"),
    ("ULID 01ARZ3NDEKTSV4RRFFQ69G5FAV", "ULID <id>"),
    ("order 1234567890", "order #"),
    ("ConnectionResetError in feedface", "ConnectionResetError in feedface"),
    ("\n\n  second \t line\nthird", "second line"),
    ("", ""),
]


@pytest.mark.parametrize(("message", "expected"), NORMAL)
def test_a_message_is_told_without_what_differs(message: str, expected: str) -> None:
    assert normal(message) == expected


@given(st.text(max_size=5_000))
def test_any_text_has_a_bounded_normal_form_without_digits(message: str) -> None:
    found = normal(message)
    assert len(found) <= MAX_NORMAL
    assert not re.search(r"[0-9\n]", found)


@given(st.text(), st.text(), st.none() | st.text())
def test_a_group_is_the_same_each_time_and_named_by_16_digits(
    error_type: str, message: str, frame: str | None
) -> None:
    group = group_of(error_type, message, frame)
    assert group == group_of(error_type, message, frame)
    assert is_group(group)


@given(st.integers(0), st.integers(0), st.text("abc/_", min_size=1), st.text("xyz' ", max_size=9))
def test_what_differs_from_task_to_task_makes_no_other_group(
    first: int, second: int, path: str, quoted: str
) -> None:
    def group(number: int, at: str, text: str) -> str:
        message = f'row {number} of /srv/{at}: "{text}" is not in {uuid4()}'
        return group_of("ValueError", message, "app/rows.py in read")

    assert group(first, path, quoted) == group(second, "other.csv", "")


def test_class_place_and_what_is_said_make_other_groups() -> None:
    groups = {
        group_of("ValueError", "no date", "app/rows.py in read"),
        group_of("KeyError", "no date", "app/rows.py in read"),
        group_of("ValueError", "no name", "app/rows.py in read"),
        group_of("ValueError", "no date", "app/rows.py in write"),
        group_of("ValueError", "no date", None),
    }
    assert len(groups) == 5


def test_a_group_stays_what_it_is_from_release_to_release() -> None:
    """What is stored was named by other releases."""
    assert group_of("OSError", "no space on /mnt/7", "app/copy.py in copy") == "cc4c317ae2119907"


@pytest.mark.parametrize("text", ["", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdef0"])
def test_what_looks_like_no_group_is_none(text: str) -> None:
    assert not is_group(text)
