"""Reports and outcomes on their way: what cannot be stored, and a server that is away."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bgtasks import BackendError, BackgroundTaskStatus
from bgtasks.core.events import Completed, Failed, Report, Reported
from bgtasks.testing.conformance import BackendBench, until
from tests.contract.homes import PostgresHome

from .proxy import Proxy
from .test_feed import in_order

COMPLETED = BackgroundTaskStatus.COMPLETED
FAILED = BackgroundTaskStatus.FAILED

UNSTORABLE = Report(50, None, None, '"\udcff"')


async def test_a_report_that_is_refused_fails_alone(worker: BackendBench, warned: Any) -> None:
    records = [await worker.run() for _ in range(5)]
    for number, record in enumerate(records):
        payload = UNSTORABLE.payload if number == 2 else None
        report = Report(number + 10, None, None, payload)
        worker.backend.save(record.id, Reported(record.attempt, report))
    await worker.written()
    shown = [(await worker.get(record.id)).progress for record in records]
    assert shown == [10, 11, 0, 13, 14]
    assert f"a report of task {records[2].id} cannot be stored" in warned.text
    worker.runner.end_all()
    for record in records:
        await worker.reaches(record.id, COMPLETED)


async def test_an_outcome_that_is_refused_becomes_a_failure(
    worker: BackendBench, warned: Any, sql: Any
) -> None:
    records = [await worker.run() for _ in range(5)]
    for number, record in enumerate(records):
        worker.runner.end(record, Completed(), UNSTORABLE if number == 2 else None)
    for number, record in enumerate(records):
        final = await worker.reaches(record.id, FAILED if number == 2 else COMPLETED)
        if number == 2:
            assert "could not be stored" in (final.error_message or "")
    assert f"how task {records[2].id} ended cannot be stored" in warned.text
    await worker.written()
    assert len(worker.backend.store.runs) == 0  # type: ignore[attr-defined]
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0


async def test_a_failure_whose_last_report_is_refused_is_a_failure_all_the_same(
    worker: BackendBench, sql: Any
) -> None:
    record = await worker.run()
    worker.runner.end(record, Failed("no"), UNSTORABLE)
    final = await worker.reaches(record.id, FAILED)
    assert "could not be stored" in (final.error_message or "")
    assert await sql.fetchval("SELECT count(*) FROM bgtasks_pgqueuer") == 0


async def test_what_attempts_report_is_kept_while_the_server_is_away(
    far: BackendBench, web: BackendBench, proxy: Proxy, warned: Any
) -> None:
    await far.open()
    ended, failed, going_on = [await far.run() for _ in range(3)]
    proxy.cut()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    assert "cannot be reached" in (far.backend.trouble() or "")
    for progress in range(1, 20):
        far.save(ended, progress)
        far.save(going_on, progress)
    far.runner.end(ended, Completed(), Report(20, "the last of it", None, None))
    far.runner.end(failed, Failed("no"))
    with pytest.raises(BackendError, match="cannot be written"):
        await far.submit()
    assert (await web.get(ended.id)).progress == 0
    proxy.heal()
    done = await web.reaches(ended.id, COMPLETED)
    assert (done.status_message, done.revision) == ("the last of it", 3)
    await web.reaches(failed.id, FAILED)
    await web.reaches(going_on.id, lambda found: found.progress == 19)
    assert "it is kept" in warned.text
    await far.reaches(ended.id, COMPLETED)
    assert in_order(far)
    assert in_order(web)
    assert len(await web.failures(failed.id)) == 1
    await far.run()  # it claims again


async def test_a_stop_without_a_server_does_not_wait_for_ever(
    home: PostgresHome, web: BackendBench, proxy: Proxy, warned: Any
) -> None:
    far = BackendBench(PostgresHome(home.server, proxy.url, stop_within=0.2))
    await far.open()
    record = await far.run()
    proxy.cut()
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    await far.close()
    assert f"how task {record.id} ended is lost, it will run again" in warned.text
    assert (await web.get(record.id)).status is BackgroundTaskStatus.RUNNING


async def test_what_was_written_is_announced_though_the_rest_of_its_batch_has_to_wait(
    worker: BackendBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = await worker.run(), await worker.run()
    database = worker.backend.store.database  # type: ignore[attr-defined]
    transaction, refusals = database.transaction, [asyncpg.DeadlockDetectedError("not now")]

    def refuse_once() -> Any:
        if refusals:
            raise refusals.pop()
        return transaction()

    await worker.written()
    # Stands for a server that refuses one transaction.
    monkeypatch.setattr(database, "transaction", refuse_once)
    worker.runner.end(good)
    worker.runner.end(bad, Failed("no", "Traceback …", timedelta(hours=1)))
    await worker.reaches(good.id, COMPLETED)
    await worker.reaches(bad.id, lambda item: item.failures == 1)
    assert refusals == []
    for task in (good, bad):
        assert [item.revision for item in worker.announced(task.id)] == [1, 2, 3]
