"""What a process wrote and got no answer for is looked up, and told to its own watchers as well."""

import asyncio

import pytest

from bgtasks import BackgroundTaskBase
from tests.acceptance.chaos.application import (
    FlakyTask,
    GateTask,
    HopelessTask,
    LongTask,
    QuickTask,
    ThreadTask,
)
from tests.acceptance.chaos.faults import Cut, Fault, Harm, Refuse, Side, Stall
from tests.acceptance.chaos.statements import (
    CANCEL,
    INSERT,
    RETRY_COMMIT,
    SETTLE,
    WRITE_COMMIT,
    Kind,
)
from tests.acceptance.chaos.ward import Ward

LOST = [
    Cut(),
    Cut(everywhere=True, seconds=1),
    Refuse("40003"),
    Refuse("57P01", fatal=True),
]
"""How an answer gets lost; what an error says about the fate of the work may be nothing."""


LONGER_THAN_A_STATEMENT = 11.0
"""Seconds: by then the process has given up, and what it sent may arrive all the same."""


def some_tasks() -> list[BackgroundTaskBase]:
    return [QuickTask(), FlakyTask(), HopelessTask(), LongTask(steps=3), ThreadTask()]


@pytest.mark.parametrize("kind", [SETTLE, WRITE_COMMIT], ids=str)
@pytest.mark.parametrize("harm", LOST, ids=str)
async def test_everybody_learns_of_an_end_whose_write_got_no_answer(
    ward: Ward, kind: Kind, harm: Harm
) -> None:  # FAULTS 48
    node = await ward.add()
    await ward.add_web()
    trap = node.proxy.set(Fault(kind, harm, Side.AFTER, times=2))
    await ward.hand_in(node, *some_tasks(), *some_tasks())
    await trap.has_struck()
    stored = await ward.check()
    ward.check_nothing_was_interrupted(stored)
    assert {task["type"]: task["status"] for task in stored.values()} == {
        "QuickTask": "Completed",
        "FlakyTask": "Completed",
        "HopelessTask": "Failed",
        "LongTask": "Completed",
        "ThreadTask": "Completed",
    }


async def test_ends_whose_writes_hang_for_longer_than_a_statement_may_take_are_told(
    ward: Ward,
) -> None:  # FAULTS 48
    web = await ward.add_web(heartbeat_timeout=20)
    traps = []
    for kind in (SETTLE, WRITE_COMMIT):
        for side in Side:
            node = await ward.add(max_concurrency=5, heartbeat_timeout=20)
            traps.append(node.proxy.set(Fault(kind, Stall(LONGER_THAN_A_STATEMENT), side)))
    await ward.hand_in(web, *[task for _ in range(10) for task in some_tasks()])
    await asyncio.gather(*(trap.has_struck() for trap in traps))
    ward.check_nothing_was_interrupted(await ward.check(60))


async def test_tasks_whose_acceptance_hangs_for_longer_than_a_statement_may_take_are_accepted_once(
    ward: Ward,
) -> None:  # FAULTS 48
    await ward.add(heartbeat_timeout=20)
    webs = [await ward.add_web(heartbeat_timeout=20) for _ in Side]
    for web, side in zip(webs, Side, strict=True):
        web.proxy.set(Fault(INSERT, Stall(LONGER_THAN_A_STATEMENT), side))
    await asyncio.gather(*(ward.hand_in(web, *some_tasks()) for web in webs))
    stored = await ward.check(60)
    assert len(stored) == len(webs) * len(some_tasks())
    ward.check_nothing_was_interrupted(stored)


@pytest.mark.parametrize("harm", LOST, ids=str)
async def test_tasks_whose_acceptance_got_no_answer_are_accepted_once_and_their_ends_are_told(
    ward: Ward, harm: Harm
) -> None:  # FAULTS 48
    node, web = await ward.add(), await ward.add_web()
    for hands_in in (node, web):
        trap = hands_in.proxy.set(Fault(INSERT, harm, Side.AFTER))
        await ward.hand_in(hands_in, *some_tasks())
        assert trap.struck
    stored = await ward.check()
    assert len(stored) == 2 * len(some_tasks())
    ward.check_nothing_was_interrupted(stored)


@pytest.mark.parametrize("harm", LOST, ids=str)
async def test_a_cancellation_that_got_no_answer_is_told_and_obeyed(
    ward: Ward, harm: Harm
) -> None:  # FAULTS 48
    node, web = await ward.add(), await ward.add_web()
    for asks in (node, web):
        (running,) = await ward.hand_in(node, GateTask(gate=str(ward.gate())))
        (waiting,) = await ward.hand_in(node, QuickTask(), delay=3600)
        await ward.begun([running])
        for task_id in (running, waiting):
            trap = asks.proxy.set(Fault(CANCEL, harm, Side.AFTER))
            assert await asks.manager.cancel_task(task_id)
            assert trap.struck
    stored = await ward.check()
    assert {task["status"] for task in stored.values()} == {"Cancelled"}


@pytest.mark.parametrize("harm", LOST, ids=str)
async def test_a_task_whose_retry_got_no_answer_runs_again_once(ward: Ward, harm: Harm) -> None:
    # FAULTS 48
    node, web = await ward.add(), await ward.add_web()
    ids = await ward.hand_in(node, HopelessTask(), HopelessTask())
    for each in (node, web):
        await each.sees(ids, ends=1)
    for asks, task_id in zip((node, web), ids, strict=True):
        trap = asks.proxy.set(Fault(RETRY_COMMIT, harm, Side.AFTER))
        assert await asks.manager.retry_task(task_id)
        assert trap.struck
    for each in (node, web):
        await each.sees(ids, ends=2)
    for task_id in ids:
        task = await ward.stored(task_id)
        assert (task["status"], task["attempt"], task["kinds"]) == ("Failed", 2, ["failed"] * 2)
