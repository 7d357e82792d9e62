"""What was missed is found whatever the order of the commits."""

from typing import Any

from bgtasks.testing.conformance import BackendBench, until

from .proxy import Proxy
from .test_feed import shows
from .test_listener import impatient


@impatient
async def test_a_transaction_that_was_open_all_the_time_is_not_missed(
    web: BackendBench, far: BackendBench, proxy: Proxy, sql: Any
) -> None:
    await far.open(serving=False)
    transaction = sql.transaction()
    await transaction.start()
    early = web.record(delay=60)
    await web.backend.submit([early], sql)
    later = await web.submit(delay=60)
    await shows(far, await web.get(later))
    feed = far.backend.store.feed  # type: ignore[attr-defined]
    before = feed._horizon  # noqa: SLF001 - nobody is told how far it has got
    xid = await sql.fetchval("SELECT pg_current_xact_id()::text::bigint")
    moved = f"the horizon moved up from {before} to {xid}"
    await until(lambda: feed._horizon == xid, moved)  # noqa: SLF001
    proxy.cut_listeners()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    await transaction.commit()
    while_deaf = await web.submit(delay=60)
    assert far.announced(early.id) == []
    proxy.heal()
    for task_id in (early.id, while_deaf):
        await shows(far, await web.get(task_id))


@impatient
async def test_a_transaction_that_outlives_the_catching_up_is_announced_when_it_ends(
    web: BackendBench, far: BackendBench, proxy: Proxy, sql: Any
) -> None:
    await far.open(serving=False)
    proxy.cut_listeners()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    transaction = sql.transaction()
    await transaction.start()
    early = web.record(delay=60)
    await web.backend.submit([early], sql)
    other = await web.submit(delay=60)
    proxy.heal()
    await shows(far, await web.get(other))
    assert far.announced(early.id) == []
    await transaction.commit()
    await shows(far, await web.get(early.id))


async def test_nobody_who_wants_to_hear_nothing_read(
    web: BackendBench, far: BackendBench, proxy: Proxy, warned: Any
) -> None:
    far.unsubscribe()
    heard: list[Any] = []
    far.backend.subscribe(heard.append, lambda: False)
    await far.open(serving=False)
    proxy.cut_listeners()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    await web.submit(delay=60)
    proxy.heal()
    await until(lambda: far.backend.trouble() is None, "listening again")
    feed = far.backend.store.feed  # type: ignore[attr-defined]
    # Nothing is read, so nothing else tells that it is over.
    await until(lambda: feed._behind is None, "dealt with")  # noqa: SLF001
    assert heard == []
    assert "caught up" not in warned.text
