"""The answer to a claim is lost. What became of it is looked up: no attempt has begun yet, so
nothing counts against the task, and it runs as soon as the server answers."""

import pytest

from tests.acceptance.chaos.application import OnceTask, QuickTask
from tests.acceptance.chaos.faults import Cut, Fault, Harm, Side, Stall
from tests.acceptance.chaos.statements import CLAIM
from tests.acceptance.chaos.ward import Ward

HARMS: list[Harm] = [Cut(), Cut(everywhere=True), Cut(everywhere=True, seconds=2.5), Stall(11)]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("harm", HARMS, ids=str)
async def test_a_task_whose_claim_got_no_answer_runs_as_if_nothing_had_been(
    ward: Ward, harm: Harm, side: Side
) -> None:  # FAULTS 45
    web, node = await ward.add_web(), await ward.add(heartbeat_timeout=2)
    trap = node.proxy.set(Fault(CLAIM, harm, side))
    await ward.hand_in(web, *[QuickTask() for _ in range(20)], *[OnceTask() for _ in range(20)])
    await trap.has_struck()
    stored = await ward.check(45)
    assert {task["status"] for task in stored.values()} == {"Completed"}
    ward.check_nothing_was_interrupted(stored)


@pytest.mark.parametrize("side", Side)
async def test_however_often_the_answer_to_a_claim_is_lost_no_task_fails_for_it(
    ward: Ward, side: Side
) -> None:  # FAULTS 45
    node = await ward.add()
    trap = node.proxy.set(Fault(CLAIM, Cut(), side, times=4))
    await ward.hand_in(node, *[QuickTask() for _ in range(20)])
    await trap.has_struck()
    stored = await ward.check()
    assert {task["status"] for task in stored.values()} == {"Completed"}
    ward.check_nothing_was_interrupted(stored)
