"""``python -m bgtasks database``: making the tables, and moving in from an SQLite file."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskInfo,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    Every,
    background_task,
    schedule,
)
from bgtasks.backends.embedded.owner_lock import OwnerLock
from bgtasks.cli import main
from bgtasks.core.log_chunks import encode_line, encode_lines, microseconds
from tests.hosts.scripted import OtherWork, Work, done, worker_of

MODULE = __name__


async def failing(_context: Any) -> None:
    raise ValueError("no\0 good")


def container_on(database: str, **settings: Any) -> Any:
    """An application with two types of tasks; of one nothing runs a second time."""

    class Application(containers.DeclarativeContainer):
        config = providers.Configuration()
        background_tasks = providers.Container(
            BackgroundTasksContainer,
            config=config,
            tasks=providers.List(
                background_task(Work, worker_of(done)),
                background_task(OtherWork, worker_of(failing), rerun_interrupted=False),
            ),
        )

    application = Application()
    application.config.from_dict({"database": database, "retention": None, **settings})
    return application


def manager_on(database: str, **settings: Any) -> BackgroundTaskManager:
    manager: BackgroundTaskManager = container_on(database, **settings).background_tasks.manager()
    return manager


@pytest.fixture
def target(task_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an application whose tasks are in PostgreSQL."""
    monkeypatch.setitem(globals(), "shared", container_on(task_database))
    return f"{MODULE}:shared"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    """What the command prints: where it is refused the reason."""
    assert main(["database", *map(str, arguments)]) == code
    printed = capsys.readouterr()
    if code == 0:
        assert printed.err == ""
        return printed.out
    assert printed.out == ""
    assert printed.err.startswith("python -m bgtasks database: ")
    return printed.err


# ---- The tables ---------------------------------------------------------------------------


def test_the_tables_are_made_once(capsys: pytest.CaptureFixture[str], empty_database: str) -> None:
    error = run(capsys, "check", "--url", empty_database, code=1)
    assert "has no tables of bgtasks" in error
    assert "run: python -m bgtasks database upgrade" in error
    assert "  bgtasks 1: tasks\n" in run(capsys, "upgrade", "--url", empty_database)
    assert "nothing was to be done" in run(capsys, "upgrade", "--url", empty_database)
    checked = run(capsys, "check", "--url", empty_database)
    assert checked.endswith("has what this release needs\n")
    assert checked.count("\n") == 1


def test_a_container_says_where_the_tables_are(
    capsys: pytest.CaptureFixture[str], target: str
) -> None:
    assert "nothing was to be done" in run(capsys, "upgrade", target)
    assert "has what this release needs" in run(capsys, "check", target)


def test_tables_of_a_newer_release_are_left_alone(
    capsys: pytest.CaptureFixture[str], task_database: str
) -> None:
    asyncio.run(
        execute(task_database, "INSERT INTO bgtasks_migrations VALUES (1000, 'later', 1000)")
    )
    for action in ("check", "upgrade"):
        assert "written by a newer release" in run(capsys, action, "--url", task_database, code=1)


def test_a_password_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    error = run(capsys, "check", "--url", "postgresql://me:secret@127.0.0.1:1/x", code=1)
    assert "127.0.0.1:1/x" in error
    assert "secret" not in error


# ---- Moving in ----------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Tasks of every kind, as an application that was stopped has left them."""
    path = tmp_path / "tasks.db"
    asyncio.run(fill(path))
    return path


async def fill(path: Path) -> None:
    async with manager_on(str(path)) as manager:
        completed = await manager.run_task(Work(text="first"), owner="alice")
        failed = await manager.run_task(OtherWork())
        for task_id in (completed, failed):
            await manager.wait_for(task_id, timeout=10)
        await manager.cancel_task(await manager.run_task(Work(), delay=timedelta(days=1)))
        await manager.run_task(Work(text="later"), delay=timedelta(days=1), priority=7)
    async with manager_on(str(path), run_tasks=False) as manager:
        await manager.run_task(Work(text="now"), owner="bob", priority=-3)


def left_running(path: Path, type_name: str) -> None:
    """As after a crash: the newest task of a type is in its second attempt."""
    with sqlite3.connect(path) as connection:
        changed = connection.execute(
            "UPDATE tasks SET status = 'Running', attempt = 2, started_at = created_at, "
            "completed_at = NULL, revision = 50 WHERE sequence = "
            "(SELECT max(sequence) FROM tasks WHERE type = ?)",
            (type_name,),
        )
        assert changed.rowcount == 1
    connection.close()


async def execute(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


def all_tasks(database: str) -> list[BackgroundTaskInfo[Any]]:
    async def read() -> list[BackgroundTaskInfo[Any]]:
        async with manager_on(database, run_tasks=False) as manager:
            return list((await manager.get_tasks()).items)

    return asyncio.run(read())


def failures(database: str, task_id: UUID) -> list[Any]:
    async def read() -> list[Any]:
        async with manager_on(database, run_tasks=False) as manager:
            return [item for item in await manager.get_attempts(task_id) if item.error]

    return asyncio.run(read())


def test_everything_is_moved_as_it_was(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    before, bytes_before = all_tasks(str(file)), file.read_bytes()
    said = run(capsys, "import", file, "--url", task_database)
    assert said.startswith(f"5 tasks moved from {file} to ")
    assert said.endswith(": 2 waiting, 3 final; 0 were there already\n")
    assert all_tasks(task_database) == before
    assert file.read_bytes() == bytes_before
    [failed] = [info for info in before if info.status is BackgroundTaskStatus.FAILED]
    assert failures(task_database, failed.id) == failures(str(file), failed.id)
    assert len(failures(task_database, failed.id)) == 1


def test_logs_are_moved_too(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    with closing(sqlite3.connect(file)) as connection:
        at = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
        lines = encode_lines([encode_line(at, "info", "moved")])
        connection.execute(
            "INSERT INTO log_chunks SELECT sequence, 1, 1, attempt, 1, 1, 1, ?, ?, ? FROM tasks",
            (len(lines), len(lines), lines),
        )
        connection.commit()
    run(capsys, "import", file, "--url", task_database)

    async def read() -> list[list[str]]:
        async with manager_on(task_database, run_tasks=False) as manager:
            infos = (await manager.get_tasks()).items
            logs = [await manager.get_logs(info.id) for info in infos]
            return [[line.message for line in log] for log in logs]

    assert asyncio.run(read()) == [["moved"]] * 5


def test_what_waits_runs_and_what_is_delayed_goes_on_waiting(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    newest, delayed, *_ = all_tasks(str(file))
    run(capsys, "import", file, "--url", task_database)

    async def work() -> tuple[BackgroundTaskInfo[Any], BackgroundTaskInfo[Any] | None]:
        async with manager_on(task_database) as manager:
            ended = await manager.wait_for(newest.id, timeout=10)
            return ended, await manager.try_get_task(delayed.id)

    ended, still = asyncio.run(work())
    assert (ended.status, ended.attempt, ended.owner) == ("Completed", 1, "bob")
    assert ended.revision > newest.revision
    assert still == delayed
    assert delayed.scheduled_at is not None


def test_priorities_and_delays_are_the_engine_s_too(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    run(capsys, "import", file, "--url", task_database)
    jobs = asyncio.run(
        execute(
            task_database,
            "SELECT priority, execute_after > now() + interval '23 hours' AS late "
            "FROM bgtasks_pgqueuer ORDER BY priority",
        )
    )
    assert [tuple(row) for row in jobs] == [(-3, False), (7, True)]


def test_a_final_task_can_be_retried_after_the_move(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    run(capsys, "import", file, "--url", task_database)

    async def work() -> BackgroundTaskInfo[Any]:
        async with manager_on(task_database) as manager:
            [cancelled] = (await manager.get_tasks(status="Cancelled")).items
            assert not await manager.cancel_task(cancelled.id)
            await manager.retry_task(cancelled.id)
            return await manager.wait_for(cancelled.id, timeout=10)

    assert asyncio.run(work()).status is BackgroundTaskStatus.COMPLETED


def test_moving_can_be_repeated(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    run(capsys, "import", file, "--url", task_database)
    asyncio.run(execute(task_database, "DELETE FROM bgtasks_tasks WHERE status = 'Cancelled'"))
    said = run(capsys, "import", file, "--url", task_database)
    assert said.startswith("1 task moved")
    assert said.endswith(": 0 waiting, 1 final; 4 were there already\n")
    assert len(all_tasks(task_database)) == 5


def test_what_a_crash_cut_off_runs_again(
    capsys: pytest.CaptureFixture[str], file: Path, target: str, task_database: str
) -> None:
    left_running(file, "Work")
    said = run(capsys, "import", file, target)
    assert ": 2 waiting, 3 final; 1 of them had been cut off by a crash;" in said
    newest, *_ = all_tasks(task_database)
    assert (newest.status, newest.attempt, newest.revision) == ("Pending", 2, 51)
    [failure] = failures(task_database, newest.id)
    assert (failure.attempt, failure.outcome) == (2, "interrupted")


def test_what_a_crash_cut_off_and_must_not_run_again_has_failed(
    capsys: pytest.CaptureFixture[str], file: Path, target: str, task_database: str
) -> None:
    left_running(file, "OtherWork")
    run(capsys, "import", file, target)
    [other] = [info for info in all_tasks(task_database) if info.type == "OtherWork"]
    assert other.status is BackgroundTaskStatus.FAILED
    assert "not run again" in (other.error_message or "")


def test_without_the_registrations_nobody_knows_what_may_run_again(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    left_running(file, "OtherWork")
    error = run(capsys, "import", file, "--url", task_database, code=2)
    assert "give MODULE:CONTAINER instead of --url" in error
    assert all_tasks(task_database) == []


def test_many_tasks_are_moved_in_their_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, task_database: str
) -> None:
    file = tmp_path / "tasks.db"

    async def hand_in() -> list[UUID]:
        async with manager_on(str(file), run_tasks=False) as manager:
            return list(
                await asyncio.gather(*(manager.run_task(Work(text=str(i))) for i in range(1_203)))
            )

    asyncio.run(hand_in())
    assert "1,203 waiting, 0 final" in run(capsys, "import", file, "--url", task_database)
    moved = asyncio.run(execute(task_database, "SELECT id FROM bgtasks_tasks ORDER BY sequence"))
    with sqlite3.connect(file) as connection:
        order = connection.execute("SELECT id FROM tasks ORDER BY sequence").fetchall()
    connection.close()
    assert [row["id"].bytes for row in moved] == [row[0] for row in order]


def test_texts_that_postgresql_does_not_take_are_made_to_fit(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE tasks SET name = ?, error_message = ?", ("a\0b", "c\0d"))
        connection.execute("UPDATE attempts SET error_message = ?, traceback = ?", ("e\0", "f\0"))
    connection.close()
    run(capsys, "import", file, "--url", task_database)
    assert {info.name for info in all_tasks(task_database)} == {"a\N{REPLACEMENT CHARACTER}b"}


def test_a_file_in_use_is_refused(
    capsys: pytest.CaptureFixture[str], file: Path, task_database: str
) -> None:
    lock = OwnerLock(str(file))
    try:
        error = run(capsys, "import", file, "--url", task_database, code=1)
    finally:
        lock.release()
    assert "is in use by another process" in error
    assert all_tasks(task_database) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is no file"),
        (b"", "was not written by bgtasks"),
        (b"no database" * 100, "cannot be read as a bgtasks database"),
    ],
)
def test_what_is_no_task_file_is_refused_and_left_alone(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    task_database: str,
    content: bytes | None,
    said: str,
) -> None:
    file = tmp_path / "other.db"
    if content is not None:
        file.write_bytes(content)
    assert said in run(capsys, "import", file, "--url", task_database, code=1)
    assert [item.name for item in tmp_path.iterdir()] == ([] if content is None else ["other.db"])


def test_tables_come_first(
    capsys: pytest.CaptureFixture[str], file: Path, empty_database: str
) -> None:
    error = run(capsys, "import", file, "--url", empty_database, code=1)
    assert "run: python -m bgtasks database upgrade" in error


def test_what_a_crash_left_in_the_log_is_moved_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, task_database: str
) -> None:
    """The file and its write-ahead log as they are in the middle of work."""
    used, file = tmp_path / "used.db", tmp_path / "tasks.db"

    async def hand_in_and_copy() -> None:
        async with manager_on(str(used), run_tasks=False) as manager:
            await manager.run_task(Work(text="logged"))
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{used}{suffix}", f"{file}{suffix}")

    asyncio.run(hand_in_and_copy())
    assert "1 waiting" in run(capsys, "import", file, "--url", task_database)


# ---- What is kept beside tasks --------------------------------------------------------------


def scheduled_on(database: str) -> BackgroundTaskManager:
    """An application with three schedules, which runs nothing yet."""
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(failing))
        ),
        schedules=providers.List(
            *(
                schedule(name, Every(days=7, offset=offset), providers.Factory(Work))
                for offset, name in enumerate(["weekly", "halted", "resumed"])
            )
        ),
    )
    container.config.from_dict({"database": database, "run_tasks": False, "run_schedules": False})
    manager: BackgroundTaskManager = container.manager()
    return manager


def test_pauses_and_schedules_move_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, task_database: str
) -> None:
    path = tmp_path / "tasks.db"

    async def leave() -> Any:
        async with scheduled_on(str(path)) as manager:
            await manager.pause("Work", "the provider is down")
            await manager.pause_schedule("halted")
            await manager.run_schedule("weekly")
            return await manager.get_schedules(), await manager.get_types()

    async def find(change: bool = False) -> Any:
        async with scheduled_on(task_database) as manager:
            if change:
                await manager.pause_schedule("resumed")
                await manager.resume("OtherWork")
            return await manager.get_schedules(), await manager.get_types()

    schedules, types = asyncio.run(leave())
    said = run(capsys, "import", path, "--url", task_database)
    assert said.endswith("; paused types: 1, schedules: 3\n")
    assert asyncio.run(find()) == (schedules, types)
    assert types[1].pause_reason == "the provider is down"

    # Once more, after things have changed: what is there is left alone.
    changed = asyncio.run(find(change=True))
    run(capsys, "import", path, "--url", task_database)
    assert asyncio.run(find()) == changed
