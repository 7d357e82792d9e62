"""Tasks of older releases: under former names, and with data that has to be brought up to date."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    RegistrationError,
    Retry,
    SerializationError,
    SettingsError,
    background_task,
)
from bgtasks.cli import main
from bgtasks.registration import Registration
from bgtasks.registry import Registry
from tests.hosts.scripted import AsyncWorker, Context

COMPLETED, FAILED = BackgroundTaskStatus.COMPLETED, BackgroundTaskStatus.FAILED


@frozen(kw_only=True)
class OldExport(BackgroundTaskBase):
    share: str


@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    shares: list[str]
    deep: bool


def to_list(data: dict[str, Any]) -> dict[str, Any]:
    return {"shares": [data["share"]]}


def with_deep(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "deep": True}


UPGRADE = {1: to_list, 2: with_deep}


def container_at(path: Path, cls: Any, work: Any, **options: Any) -> BackgroundTasksContainer:
    worker = providers.Factory(AsyncWorker, providers.Object(work))
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(cls, worker, **options))
    )
    container.config.from_dict({"database": str(path)})
    return container


async def nothing(context: Context) -> None: ...


@pytest.fixture
async def old_task(tmp_path: Path) -> tuple[Path, Any]:
    """A file with a task that an older release left waiting."""
    path = tmp_path / "tasks.db"
    async with container_at(path, OldExport, nothing).manager() as manager:
        task_id = await manager.run_task(OldExport(share="music"), delay=3600)
        assert await manager.cancel_task(task_id)
    return path, task_id


async def run_at(path: Path, task_id: Any, cls: Any = Export, **options: Any) -> tuple[Any, Any]:
    """The old task, run by new code: how it ends, and what its worker was given."""
    seen: list[Any] = []

    async def work(context: Context) -> None:
        seen.append(context.task)

    options = {"renamed_from": ("OldExport",), **options}
    async with container_at(path, cls, work, **options).manager() as manager:
        assert await manager.retry_task(task_id)
        info = await manager.wait_for(task_id, 10)
    return info, seen


async def test_a_task_of_a_former_name_and_version_runs(old_task: Any) -> None:
    path, task_id = old_task
    info, seen = await run_at(path, task_id, version=3, upgrade=UPGRADE)
    assert info.status is COMPLETED
    assert seen == [Export(id=task_id, shares=["music"], deep=True)]


async def test_a_missing_step_changes_nothing(old_task: Any) -> None:
    path, task_id = old_task
    steps = {2: lambda data: {"shares": [data["share"]], "deep": False}}
    info, seen = await run_at(path, task_id, version=3, upgrade=steps)
    assert info.status is COMPLETED
    assert seen[0].deep is False


def raises(data: dict[str, Any]) -> dict[str, Any]:
    raise KeyError("folder")


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (raises, "the upgrade of Export from version 1 to 2 failed: 'folder'"),
    (lambda data: None, "the upgrade of Export from version 1 to 2 returned None; expected a dict"),
    (lambda data: {"shares": 7, "deep": True}, "shares"),
    (
        lambda data: {"shares": {"music"}, "deep": True},
        "the data of Export cannot be JSON once it is upgraded",
    ),
]


@pytest.mark.parametrize(("step", "reason"), WRONG)
async def test_an_upgrade_that_fails_fails_the_task_once_and_keeps_its_data(
    old_task: Any, step: Any, reason: str
) -> None:
    path, task_id = old_task
    info, seen = await run_at(path, task_id, version=2, upgrade={1: step}, retry=Retry(5))
    assert (info.status, info.attempt, seen) == (FAILED, 1, [])
    assert reason in (info.error_message or "")
    repaired, seen = await run_at(path, task_id, version=3, upgrade=UPGRADE)
    assert repaired.status is COMPLETED
    assert seen[0].shares == ["music"]


async def test_what_is_submitted_now_is_of_the_present_version(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    seen: list[Any] = []

    async def work(context: Context) -> None:
        seen.append(context.task.shares)

    options: Any = {"version": 3, "upgrade": UPGRADE}
    async with container_at(path, Export, work, **options).manager() as manager:
        task_id = await manager.run_task(Export(shares=["a"], deep=False))
        assert (await manager.wait_for(task_id, 10)).status is COMPLETED
    assert seen == [["a"]]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"version": 0}, "version"),
    ({"version": 1_000_001}, "version"),
    ({"version": "2"}, "version"),
    ({"upgrade": {1: to_list}}, "upgrade has 1"),
    ({"version": 2, "upgrade": {2: to_list}}, "upgrade has 2"),
    ({"version": 2, "upgrade": {"1": to_list}}, "upgrade has '1'"),
    ({"version": 2, "upgrade": {1: "to_list"}}, "upgrade has 1"),
    ({"version": 2, "upgrade": [to_list]}, "upgrade is"),
    ({"renamed_from": [""]}, "renamed_from"),
    ({"renamed_from": [7]}, "renamed_from"),
]


@pytest.mark.parametrize(("options", "named"), BAD)
def test_wrong_options_are_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises((SettingsError, RegistrationError), match=named):
        Registration(task_type=Export, worker_provider=providers.Factory(AsyncWorker), **options)


def test_a_former_name_belongs_to_one_type() -> None:
    def named(cls: Any, *former: str) -> Registration:
        return Registration(
            task_type=cls, worker_provider=providers.Factory(AsyncWorker), renamed_from=former
        )

    with pytest.raises(RegistrationError, match="'OldExport', which another type has"):
        Registry([named(Export, "OldExport"), named(OldExport)])
    with pytest.raises(RegistrationError, match="'Older'"):
        Registry([named(Export, "Older"), named(OldExport, "Older")])


APPLICATION = """
from pathlib import Path
from attrs import frozen
from dependency_injector import containers, providers
from bgtasks import BackgroundTaskBase, BackgroundTasksContainer, BackgroundWorker, background_task

@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    shares: list[str]
    deep: bool

class Worker(BackgroundWorker[Export, None]):
    async def execute(self, context): ...

def container(**options):
    made = BackgroundTasksContainer(
        tasks=providers.List(background_task(Export, providers.Factory(Worker), **options)),
    )
    made.config.from_dict({{"database": {path!r}}})
    return made

old = container()
renamed = container(renamed_from=["OldExport"])
unsayable = container(
    renamed_from=["OldExport"],
    version=2,
    upgrade={{1: lambda data: {{"shares": {{"music"}}, "deep": False}}}},
)
upgraded = container(
    renamed_from=["OldExport"],
    version=2,
    upgrade={{1: lambda data: {{"shares": [data["share"]], "deep": False}}}},
)
"""


@pytest.fixture
async def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A module with four containers over a file with one waiting task of an older release."""
    path = tmp_path / "kept.db"
    async with container_at(path, OldExport, nothing).manager() as manager:
        task_id = await manager.run_task(OldExport(share="music"), delay=3600)
    name = f"versions_{task_id.hex}"
    (tmp_path / f"{name}.py").write_text(APPLICATION.format(path=str(path)))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name, str(task_id)


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("old", "no worker is registered for this type"),
        ("renamed", "shares"),
        ("unsayable", "the data of Export cannot be JSON once it is upgraded"),
    ],
)
def test_tasks_check_lists_what_would_fail(
    application: tuple[str, str], container: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, task_id = application
    assert main(["tasks", "check", f"{name}:{container}"]) == 1
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{task_id} OldExport, version 1: ")
    assert reason in line
    assert summary == "1 waiting task read: 1 would fail"


def test_tasks_check_is_content_where_all_would_run(
    application: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    name, _ = application
    for _ in range(2):  # nothing is changed by looking
        assert main(["tasks", "check", f"{name}:upgraded"]) == 0
    assert capsys.readouterr().out == "1 waiting task read: none would fail\n" * 2


async def test_tasks_check_says_that_a_running_application_has_the_file(
    application: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = application
    async with container_at(tmp_path / "kept.db", OldExport, nothing).manager():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bgtasks", "tasks", "check", f"{name}:old"),
            cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"kept.db" in said


def test_tasks_check_refuses_what_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "check", "tests.unit.test_versions:in_memory"]) == 2
    assert ":memory:" in capsys.readouterr().err


in_memory = container_at(Path(":memory:"), Export, nothing)


async def test_the_data_of_an_upgraded_task_keeps_its_id(old_task: Any) -> None:
    path, task_id = old_task
    info, seen = await run_at(
        path,
        task_id,
        version=2,
        upgrade={1: lambda data: {"id": "x", "shares": [], "deep": False}},
    )
    assert info.status is COMPLETED
    assert seen[0].id == task_id


async def again_at(path: Path, task_id: Any, **options: Any) -> tuple[Any, Any, list[Any]]:
    """The old task, run again as a new one by new code: the new id, how it ends, what its worker
    was given."""
    seen: list[Any] = []

    async def work(context: Context) -> None:
        seen.append(context.task)

    async with container_at(path, renamed_from=["OldExport"], work=work, **options).manager() as it:
        new_id = await it.run_again(task_id)
        return new_id, await it.wait_for(new_id, 10), seen


async def test_a_task_of_a_former_name_is_run_again_under_the_present_one(old_task: Any) -> None:
    path, task_id = old_task
    new_id, info, seen = await again_at(path, task_id, cls=OldExport, type_name="Export")
    assert (info.type, info.status) == ("Export", COMPLETED)
    assert seen == [OldExport(id=new_id, share="music")]


async def test_a_task_of_an_older_version_is_run_again_as_one_of_the_present(old_task: Any) -> None:
    path, task_id = old_task
    new_id, info, seen = await again_at(path, task_id, cls=Export, version=3, upgrade=UPGRADE)
    assert (info.type, info.status) == ("Export", COMPLETED)
    assert new_id != task_id
    assert seen == [Export(id=new_id, shares=["music"], deep=True)]


async def test_a_task_of_a_newer_version_cannot_be_run_again(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    async with container_at(path, OldExport, nothing, version=2).manager() as manager:
        task_id = await manager.run_task(OldExport(share="music"))
        await manager.wait_for(task_id, 10)
    async with container_at(path, OldExport, nothing).manager() as manager:
        with pytest.raises(SerializationError, match="needs version 2 of OldExport"):
            await manager.run_again(task_id)
