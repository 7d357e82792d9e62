"""JSON is checked without being made into data: what is refused, and how, is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.core.codec.json_text import check, decode, encode

DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refusal(parse: object, text: str) -> str | None:
    try:
        parse(text)  # type: ignore[operator]
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    return None


@given(DATA)
def test_what_is_json_passes(data: object) -> None:
    assert refusal(check, encode(data)) is None


@given(DATA, st.integers(min_value=0), st.sampled_from(["", '"', "{", "]", ",", "NaN", "\\", " 1"]))
def test_a_damaged_text_is_refused_as_in_decoding(data: object, at: int, put: str) -> None:
    text = encode(data)
    place = at % (len(text) + 1)
    damaged = text[:place] + put + text[place + 1 :]
    assert refusal(check, damaged) == refusal(decode, damaged)


@pytest.mark.parametrize(
    "text", ["", "NaN", "[Infinity]", '{"a":1,}', '{"a"}', "[1] 2", "[" * 100_000, "1" * 5_000]
)
def test_what_is_no_json_is_refused_as_in_decoding(text: str) -> None:
    assert refusal(check, text) == refusal(decode, text)
    assert refusal(check, text) is not None
