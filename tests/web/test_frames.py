"""Which raw frames reach the protocol library: none that makes it raise."""

import json
from typing import Any

import pytest
from engineio.packet import Packet as EnginePacket
from hypothesis import example, given
from hypothesis import strategies as st
from socketio.packet import Packet

from bgtasks.web.hub.socketio.frames import is_acceptable
from bgtasks.web.protocol import MAX_FRAME

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
PIECES = st.lists(
    st.sampled_from([*'0123456789-,/?[]{}"²', "/background-tasks", "4", "42", '["a"]'])
    | st.text(max_size=3)
    | JSON.map(json.dumps),
    max_size=8,
).map("".join)


@given(PIECES | PIECES.map("42/background-tasks,".__add__) | PIECES.map("40".__add__))
@example('420["a"]')
@example("401-5")
@example('42/a?b,1["a"]')
def test_what_is_let_through_can_be_read_and_is_what_a_client_may_send(frame: Any) -> None:
    if not is_acceptable(frame):
        return
    outer = EnginePacket(encoded_packet=frame)
    if outer.packet_type != 4:
        assert frame in ("1", "3")
        return
    inner = Packet(encoded_packet=outer.data)
    assert inner.packet_type in (0, 1, 2)
    if inner.packet_type == 2:
        assert isinstance(inner.data, list)
        assert inner.data


@pytest.mark.parametrize(
    "frame",
    [
        "1",
        "3",
        "40",
        "40/background-tasks,",
        "40/background-tasks",
        '40/background-tasks,{"types":["A"]}',
        "41/background-tasks,",
        '42/background-tasks,["Subscribe"]',
        '42/background-tasks,17["CancelTask",{"id":"x"}]',
        '42/background-tasks?token=1,17["Subscribe",null]',
    ],
)
def test_what_clients_send_is_let_through(frame: Any) -> None:
    assert is_acceptable(frame)


def test_the_longest_frame_is_let_through_and_no_longer_one() -> None:
    frame = '42/background-tasks,["' + "x" * (MAX_FRAME - 24) + '"]'
    assert len(frame) == MAX_FRAME
    assert is_acceptable(frame)
    assert not is_acceptable(frame[:-2] + 'x"]')
