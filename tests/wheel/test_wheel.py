"""The built wheel, installed without any extra and without the sources beside it."""

import subprocess
import sys
from importlib.metadata import metadata, version
from pathlib import Path

from attrs import frozen
from dependency_injector import containers, providers

import bgtasks
from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)
from bgtasks.testing import run_worker


@frozen(kw_only=True)
class Greet(BackgroundTaskBase):
    who: str


class GreetWorker(BackgroundWorker[Greet, str]):
    async def execute(self, context: BackgroundWorkerContext[Greet, str]) -> None:
        context.set_payload(f"Hello {context.task.who}")


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(Greet, providers.Factory(GreetWorker))),
    )


def test_what_is_tested_is_the_installed_package() -> None:
    assert "site-packages" in Path(bgtasks.__file__).parts
    assert version("bgtasks-di") == bgtasks.__version__
    assert metadata("bgtasks-di")["License-Expression"] == "MIT"
    package = Path(bgtasks.__file__).parent
    assert (package / "py.typed").exists()


def test_of_the_javascript_the_built_files_are_installed_and_nothing_else() -> None:
    javascript = Path(bgtasks.__file__).parent / "web" / "js"
    client, dashboard = javascript / "client", javascript / "dashboard"
    for shipped in ("dist/browser.js", "dist/index.d.ts", "package.json", "socket.io.esm.min.js"):
        assert (client / shipped).exists(), shipped
    assert [path.name for path in dashboard.iterdir()] == ["dist"]
    assert (dashboard / "dist" / "assets" / "app.js").exists()
    assert sorted(path.name for path in javascript.iterdir()) == ["client", "dashboard"]
    assert not (client / "src").exists()


def test_the_command_is_installed() -> None:
    command = Path(sys.executable).with_name("bgtasks")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"bgtasks {bgtasks.__version__}\n"


async def test_a_worker_runs_with_the_testing_kit() -> None:
    run = await run_worker(Application().background_tasks, Greet(who="you"))
    assert run.info.status is BackgroundTaskStatus.COMPLETED
    assert run.info.payload == "Hello you"


async def test_a_task_runs_durably(tmp_path: Path) -> None:
    container = Application()
    container.config.from_dict({"background_tasks": {"database": str(tmp_path / "tasks.db")}})
    async with container.background_tasks.manager() as manager:
        info = await manager.wait_for(await manager.run_task(Greet(who="you")), timeout=30)
    assert info.payload == "Hello you"
    assert container.background_tasks.asgi_app()
