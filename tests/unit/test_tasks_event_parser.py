"""Server-sent events, however their bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.cli.tasks.event_parser import EventParser, ServerEvent

STREAM = (
    'retry: 2000\n\n: still here\n\nevent: TaskUpdated\nid: 1:2\ndata: {"name":"é"}\n\n'
    "data:one\r\ndata: two\r\n\r\nevent: empty\n\nevent: unfinished\ndata: 1\n"
).encode()
EVENTS = [ServerEvent("TaskUpdated", '{"name":"é"}'), ServerEvent("message", "one\ntwo")]


@given(st.lists(st.integers(0, len(STREAM))))
def test_the_same_events_come_however_the_stream_is_cut(cuts: list[int]) -> None:
    parser, found = EventParser(1000), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(edges):
        found += parser.feed(STREAM[start:end])
    assert found == EVENTS


@pytest.mark.parametrize("chunk", [b"x" * 100, b"data: x\n", b":\n"])
def test_an_event_without_end_is_given_up(chunk: bytes) -> None:
    with pytest.raises(ValueError, match="longer than 1,000 bytes"):
        feed_often(EventParser(1000), chunk)


def feed_often(parser: EventParser, chunk: bytes) -> None:
    for _ in range(3000):
        parser.feed(chunk)


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert EventParser(1000).feed(b"data: \xff\n\n") == [ServerEvent("message", "\ufffd")]
