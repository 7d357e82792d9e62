"""What the package shows: its names, its errors, and what it needs to be imported."""

import builtins
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bgtasks
from bgtasks import errors

ROOT = Path(bgtasks.__file__).parents[1]
OPTIONAL = [
    "PIL",
    "aiohttp",
    "aiosqlite",
    "asyncpg",
    "fastapi",
    "httpx",
    "hypothesis",
    "mutagen",
    "pgqueuer",
    "playwright",
    "psycopg",
    "pytest",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "sybil",
    "uvicorn",
    "websocket",
    "websockets",
]


def test_all_is_sorted_and_whole() -> None:
    assert bgtasks.__all__ == sorted(bgtasks.__all__)
    shown = [name for name in dir(bgtasks) if not name.startswith("_")]
    assert shown == bgtasks.__all__


@pytest.mark.parametrize("name", ["bgtasks", "bgtasks.testing", "bgtasks.core.codec"])
def test_everything_in_all_can_be_imported(name: str) -> None:
    module = importlib.import_module(name)
    for item in module.__all__:
        assert getattr(module, item) is not None


def test_every_public_error_is_in_the_tree_and_in_the_package() -> None:
    found = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    for name, error in found.items():
        assert issubclass(error, errors.BackgroundTasksError)
        assert getattr(bgtasks, name) is error
        assert error.__doc__
    drawn = errors.__doc__ or ""
    assert all(name in drawn for name in found)


@pytest.mark.parametrize(
    ("error", "standard"),
    [
        (errors.SettingsError, ValueError),
        (errors.SerializationError, ValueError),
        (errors.QueryError, ValueError),
        (errors.TaskNotFoundError, LookupError),
        (errors.AttemptTimeoutError, TimeoutError),
    ],
)
def test_errors_are_also_what_python_calls_them(
    error: type[Exception], standard: type[Exception]
) -> None:
    assert issubclass(error, standard)


def test_no_error_hides_one_of_pythons() -> None:
    assert not {name for name in bgtasks.__all__ if hasattr(builtins, name)}


@pytest.mark.parametrize("module", ["bgtasks", "bgtasks.testing"])
def test_importing_needs_no_optional_package(module: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({OPTIONAL!r}))\n"
        f"from {module} import *\n"
        f"import {module}\n"
        f"assert all(name in globals() for name in {module}.__all__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "bgtasks" / "py.typed").is_file()
