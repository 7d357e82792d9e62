"""How deep JSON is nested, whatever its texts have in them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.core.codec.json_text import is_deeper

TEXTS = st.text(st.sampled_from('[]{}"\\nä\ud83d,:'), max_size=6)
DATA = st.recursive(
    TEXTS | st.integers(0, 9),
    lambda item: st.lists(item, max_size=4) | st.dictionaries(TEXTS, item, max_size=4),
    max_leaves=20,
)


def depth_of(data: Any) -> int:
    if isinstance(data, dict):
        data = list(data.values())
    return 1 + max(map(depth_of, data), default=0) if isinstance(data, list) else 0


@given(DATA, st.booleans(), st.integers(0, 8))
def test_depth_is_that_of_lists_and_objects_and_not_of_brackets_in_texts(
    data: Any, is_ascii: bool, limit: int
) -> None:
    text = json.dumps(data, ensure_ascii=is_ascii)
    assert is_deeper(text, limit) == (depth_of(data) > limit)


@pytest.mark.parametrize("wide", ["[]", "{}", '"["', '"\\""', '["]",{}]'])
def test_what_is_beside_one_another_is_no_deeper(wide: str) -> None:
    depth = 1 + depth_of(json.loads(wide))
    text = f"[{','.join([wide] * 100)}]"
    assert not is_deeper(text, depth)
    assert is_deeper(text, depth - 1)
