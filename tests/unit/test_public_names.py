"""What the package shows: its names, its errors, and what it needs to be imported."""

import builtins
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bgtasks
import bgtasks.contrib
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


def documented_names() -> list[str]:
    """What the pages of the Python API show, each from its docstring."""
    pages = (ROOT / "docs" / "api").glob("*.md")
    return [
        name
        for page in pages
        for name in re.findall(r"^::: ([\w.]+)$", page.read_text("utf-8"), re.MULTILINE)
    ]


@pytest.mark.parametrize(
    "module",
    [
        "bgtasks",
        "bgtasks.testing",
        "bgtasks.testing.plugin",
        "bgtasks.hooks",
        *(f"bgtasks.contrib.{it.name}" for it in pkgutil.iter_modules(bgtasks.contrib.__path__)),
    ],
)
def test_every_public_name_is_on_the_documentation_site(module: str) -> None:
    exported = importlib.import_module(module).__all__
    shown = documented_names()
    missing = [name for name in exported if shown.count(f"{module}.{name}") != 1]
    assert missing == [], f"each needs one line `::: {module}.NAME` in a page of docs/api"


def test_what_the_documentation_site_shows_is_there_and_has_a_docstring() -> None:
    for name in documented_names():
        module, _, attribute = name.rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
        if inspect.isclass(value) or inspect.isroutine(value):  # a type alias cannot have one
            assert value.__doc__, f"{name} has no docstring"
