"""Payloads as they are stored: read when somebody looks, sent as they are; and those that another
release stored, and cannot be read or sent (FAULTS 15)."""

import copy
import json
import logging
import pickle
from typing import Any

import attrs
import pytest
from attrs import frozen

from bgtasks import background_task
from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import TaskRecord
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock
from bgtasks.web.encoded_task import EncodedTask
from tests.hosts.scripted import Work, backend_of, container_of, done, running, worker_of

DEEP = "[" * 320 + "]" * 320
UNREADABLE = {
    "no JSON": "{",
    "deep": DEEP,
    "deeper": "[" * 100_000 + "]" * 100_000,
    "deep in a field": f'{{"inner":{DEEP}}}',
    "not a number": '{"inner":NaN}',
    "huge number": "1" * 5000,
}


@frozen
class Inner:
    inner: Any


@frozen
class Counted:
    """Knows how many of its kind were made."""

    made = 0
    inner: int = 0

    def __attrs_post_init__(self) -> None:
        type(self).made += 1


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Counted.made = 0


def test_a_payload_becomes_an_object_when_it_is_read_and_only_once() -> None:
    info = TaskCodec().info(record('{"inner":1}'), Counted)
    assert attrs.fields(type(info)).payload.name == "payload"
    assert Counted.made == 0
    assert info.payload == Counted(1)
    assert info.payload is info.payload
    assert Counted.made == 2  # the other one is the test's own


def test_a_payload_that_nobody_reads_is_sent_as_it_is_stored() -> None:
    """The numbers show that it is the stored text: Python would write them otherwise."""
    text = '{"inner":1.50e0,"unknown":[1E1]}'
    encoded = EncodedTask(TaskCodec().info(record(text), Counted), TaskCodec())
    assert f'"payload":{text}' in encoded.text
    assert encoded.light is encoded
    assert Counted.made == 0


@pytest.mark.parametrize("text", ['{\n"inner": 1\r\n}', '{"inner":1,"name":"caf\u00e9"}'])
def test_what_another_program_wrote_is_sent_on_one_line_in_ascii(text: str) -> None:
    encoded = EncodedTask(TaskCodec().info(record(text), Counted), TaskCodec())
    assert json.loads(encoded.text)["payload"] == json.loads(text)
    assert encoded.text.isascii()
    assert not {"\n", "\r"} & set(encoded.text)


def test_a_snapshot_with_a_stored_payload_is_like_any_other() -> None:
    stored = record('{"inner":1}')
    info = TaskCodec().info(stored, Counted)
    made = attrs.evolve(info, payload=Counted(1))
    assert (info, hash(info), repr(info)) == (made, hash(made), repr(made))
    assert info != attrs.evolve(made, payload=Counted(2))
    assert attrs.evolve(info, progress=5.0).payload == Counted(1)
    assert attrs.asdict(info)["payload"] == {"inner": 1}
    for copied in (pickle.loads(pickle.dumps(info)), copy.copy(info), copy.deepcopy(info)):
        assert copied == info
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        info.payload = None  # type: ignore[misc]


def record(payload: str) -> TaskRecord:
    now = FakeClock().now()
    return TaskRecord(uuid7(), "Work", "work", "{}", now, now, payload=payload)


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("payload_type", [None, Inner])
def test_a_payload_that_cannot_be_read_is_left_out_and_logged_once(
    name: str, payload_type: Any, caplog: pytest.LogCaptureFixture
) -> None:
    codec, stored = TaskCodec(), record(UNREADABLE[name])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            info = codec.info(stored, payload_type)
            assert info.payload is None
            assert codec.wire(info)["payload"] is None
    (line,) = caplog.records
    assert str(stored.id) in line.getMessage()


@pytest.mark.parametrize("payload_type", [None, Inner])
def test_lone_surrogates_of_older_releases_become_question_marks(payload_type: Any) -> None:
    codec = TaskCodec()
    wire = codec.wire(codec.info(record('{"inner":"caf\\udce9"}'), payload_type))
    assert wire["payload"] == {"inner": "caf?"}
    json.dumps(wire, ensure_ascii=False).encode("utf-8")


async def test_a_task_runs_again_though_its_last_payload_cannot_be_read() -> None:
    container = container_of(background_task(Work, worker_of(done)))
    backend = backend_of(container)
    async with running(container) as manager:
        task = Work()
        now = container.clock().now()
        data = container.codec().encode_task(task)
        kept = TaskRecord(task.id, "Work", "work", data, now, now, payload=DEEP)
        await backend.submit([kept])
        assert (await manager.wait_for(task.id, 10)).status == "Completed"
