"""A process that could not do something once does it later: it is not lame for good."""

import pytest

from tests.acceptance.chaos.application import LongTask, QuickTask
from tests.acceptance.chaos.faults import Cut, Fault, Harm, Refuse, Side
from tests.acceptance.chaos.statements import BEAT, CLAIM, CONNECT, LISTEN, Kind
from tests.acceptance.chaos.ward import Ward

HARMS: list[Harm] = [Cut(), Cut(everywhere=True, seconds=0.5), Refuse("58030")]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("harm", HARMS, ids=str)
async def test_a_process_serves_although_its_first_statements_fail(
    ward: Ward, harm: Harm, side: Side
) -> None:  # FAULTS 50
    web = await ward.add_web()
    node = await ward.add(start=False)
    # The first beat belongs to the start, which may fail; the second one is that of serving.
    trap = node.proxy.set(Fault(BEAT, harm, side, skip=1))
    await node.start()
    await trap.has_struck()
    await ward.hand_in(web, *[QuickTask() for _ in range(5)])
    await ward.check()
    await node.recovers()


@pytest.mark.parametrize("kind", [BEAT, LISTEN, CLAIM, CONNECT], ids=str)
@pytest.mark.parametrize("harm", HARMS, ids=str)
async def test_whatever_of_its_upkeep_fails_for_a_time_a_process_goes_on(
    ward: Ward, kind: Kind, harm: Harm
) -> None:  # FAULTS 50
    web, node = await ward.add_web(), await ward.add()
    trap = node.proxy.set(Fault(kind, harm, Side.AFTER, times=3))
    if kind in (LISTEN, CONNECT):
        node.proxy.cut()
    await ward.hand_in(web, *[LongTask(steps=50) for _ in range(5)])
    await trap.has_struck()
    await ward.hand_in(web, *[QuickTask() for _ in range(5)])
    await ward.check()
    assert all(process.alive for process in await web.manager.get_processes())
    await node.recovers()
