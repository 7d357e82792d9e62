"""Payloads that another release stored, and cannot be read or sent (FAULTS 15)."""

import json
import logging
from typing import Any

import pytest
from attrs import frozen

from bgtasks import background_task
from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import TaskRecord
from bgtasks.ids import uuid7
from bgtasks.testing import FakeClock
from tests.hosts.scripted import Work, container_of, done, running, worker_of

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
    async with running(container) as manager:
        task = Work()
        now = container.clock().now()
        data = container.codec().encode_task(task)
        kept = TaskRecord(task.id, "Work", "work", data, now, now, payload=DEEP)
        assert manager._backend is not None
        await manager._backend.submit([kept])
        assert (await manager.wait_for(task.id, 10)).status == "Completed"
