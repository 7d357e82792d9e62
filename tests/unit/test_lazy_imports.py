"""What is imported by whom: what a program does not use does not cost it start-up time."""

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import bgtasks
import bgtasks.testing

ROOT = Path(bgtasks.__file__).parents[1]
FOREIGN = {
    *(
        "aiohttp",
        "anyio",
        "asyncpg",
        "attrs",
        "cattrs",
        "dependency_injector",
        "engineio",
        "fastapi",
    ),
    *("httpx", "pgqueuer", "pydantic", "pydantic_settings", "redis", "rich", "socketio"),
    *("sqlite3", "starlette", "uvicorn"),
}

CONTAINER = """
from attrs import frozen
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskBase, BackgroundTaskPolicy, BackgroundTasksContainer, BackgroundWorker,
    background_task,
)

@frozen(kw_only=True)
class Fetch(BackgroundTaskBase):
    pass

class FetchWorker(BackgroundWorker[Fetch, None]):
    async def execute(self, context):
        pass

class Policy(BackgroundTaskPolicy):
    pass

class Application(containers.DeclarativeContainer):
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=providers.Configuration(default={"database": "postgresql://nobody@127.0.0.1/no"}),
        tasks=providers.List(background_task(Fetch, providers.Factory(FetchWorker))),
        policy=providers.Singleton(Policy),
    )
"""


def modules_after(code: str, *, beside: str = "") -> set[str]:
    """The modules that an interpreter has loaded after ``code``, without those that it loads for
    ``beside`` alone."""

    def loaded(what: str) -> set[str]:
        ending = "\nimport sys\nsys.stdout.write('\\n' + ' '.join(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", what + ending],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.rpartition("\n")[2].split())

    return loaded(code) - loaded(beside)


def test_importing_the_package_loads_nothing_of_it_and_nothing_foreign() -> None:
    found = modules_after("import bgtasks")
    assert {name for name in found if name.startswith("bgtasks")} == {
        "bgtasks",
        "bgtasks.lazy_names",
        "bgtasks.version",
    }
    assert not found & {*FOREIGN, "asyncio", "logging"}


def test_declaring_a_task_and_its_worker_loads_neither_containers_nor_the_web() -> None:
    found = modules_after(
        "from bgtasks import BackgroundTaskBase, BackgroundWorker, BackgroundWorkerContext"
    )
    assert found & FOREIGN == {"attrs"}


def test_a_container_loads_neither_the_web_side_nor_a_store() -> None:
    """But for what dependency-injector loads by itself."""
    code = f"{CONTAINER}\nApplication().background_tasks.manager"
    found = modules_after(code, beside="import dependency_injector.containers")
    assert found & FOREIGN <= {"attrs", "cattrs"}
    assert {name for name in found if name.startswith("bgtasks.web")} == {
        "bgtasks.web",
        "bgtasks.web.policy",
        "bgtasks.web.refusal_log",
        "bgtasks.web.requester",
        "bgtasks.web.this_machine",
    }


def test_a_worker_process_on_postgresql_loads_no_web_side_and_no_other_store() -> None:
    """What is not ours is loaded before it, where dependency-injector or the engine loads it."""
    code = f"""{CONTAINER}
import argparse, bgtasks.cli.worker_start
container = Application().background_tasks()
container.manager()
container.backend()
"""
    engine = "import dependency_injector.containers, asyncpg, pgqueuer"
    found = modules_after(code, beside=engine)
    assert found & FOREIGN <= {"attrs", "cattrs"}
    assert not {name for name in found if name.startswith("bgtasks.web.hub")}
    assert not {name for name in found if name.startswith("bgtasks.backends.embedded")}
    assert "bgtasks.cli.worker_health" not in found


def test_the_command_line_says_its_version_and_its_options_without_containers() -> None:
    code = """
import bgtasks.cli
try:
    bgtasks.cli.main(["tasks", "list", "--help"])
except SystemExit:
    pass
"""
    assert modules_after(code) & FOREIGN == {"attrs"}


@pytest.mark.parametrize(
    "command", [["stats"], ["failures"], ["tasks", "list"], ["tasks", "logs", "0193a4e0"]]
)
def test_a_command_over_http_loads_nothing_that_moves_on_a_terminal_and_no_containers(
    command: list[str],
) -> None:
    nobody = "http://127.0.0.1:9/background-tasks"
    code = f"import bgtasks.cli\nassert bgtasks.cli.main([*{command!r}, '--url', {nobody!r}]) == 1"
    assert modules_after(code) & FOREIGN == {"attrs", "cattrs"}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_the_command_line_says_of_itself_needs_nothing(option: str) -> None:
    code = f"""
import bgtasks.cli
try:
    bgtasks.cli.main([{option!r}])
except SystemExit:
    pass
"""
    assert not modules_after(code) & {*FOREIGN, "asyncio", "bgtasks.models"}


def test_the_pytest_plugin_loads_nothing_before_a_fixture_is_used() -> None:
    found = modules_after("import bgtasks.testing.plugin", beside="import pytest")
    assert not found & FOREIGN
    assert {name for name in found if name.startswith("bgtasks")} == {
        "bgtasks",
        "bgtasks.lazy_names",
        "bgtasks.testing",
        "bgtasks.testing.plugin",
        "bgtasks.version",
    }


@pytest.mark.parametrize("module", [bgtasks, bgtasks.testing], ids=lambda module: module.__name__)
class TestNames:
    def test_stand_in_all_and_for_type_checkers_from_the_same_modules(self, module: object) -> None:
        package = module.__name__  # type: ignore[attr-defined]
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))  # type: ignore[attr-defined]
        imported = {
            alias.name: node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
            for alias in node.names
            if alias.name not in ("lazy_names", "__version__")
        }
        assert sorted(imported) == module.__all__  # type: ignore[attr-defined]
        for name, home in imported.items():
            assert getattr(module, name) is getattr(sys.modules[home or ""], name)

    def test_are_what_dir_and_a_star_import_show(self, module: object) -> None:
        package = module.__name__  # type: ignore[attr-defined]
        shown = f"import {package}\nassert set({package}.__all__) <= set(dir({package}))"
        star = f"from {package} import *\nassert set({package}.__all__) <= set(globals())"
        modules_after(f"{shown}\n{star}")

    def test_are_the_same_object_at_every_use(self, module: object) -> None:
        for name in module.__all__:  # type: ignore[attr-defined]
            assert getattr(module, name) is getattr(module, name)
            assert pickle.loads(pickle.dumps(getattr(module, name))) is getattr(module, name)

    def test_others_are_refused_as_python_does(self, module: object) -> None:
        with pytest.raises(AttributeError, match=r"module 'bgtasks.*' has no attribute 'Missing'"):
            module.Missing  # type: ignore[attr-defined]  # noqa: B018
