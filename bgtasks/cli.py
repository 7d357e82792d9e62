"""The command line: ``python -m bgtasks COMMAND``."""

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dependency_injector import containers, providers

from bgtasks.containers import BackgroundTasksContainer
from bgtasks.errors import BackgroundTasksError
from bgtasks.registration import Registration
from bgtasks.typescript import typescript

__all__ = ["main"]

ACCEPTED = (
    "accepted: module:name of a container class, a container, or a provider of a "
    "BackgroundTasksContainer, such as myapp.containers:Application"
)


class _UsageError(Exception):
    """What was given on the command line cannot be used; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives back the exit code: 2 for what cannot be used, with the reason on
    standard error.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (_UsageError, BackgroundTasksError) as error:
        sys.stderr.write(f"{parser.prog} {options.command}: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bgtasks", description="Tools for applications with background tasks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_types(commands)
    return parser


def _add_types(commands: Any) -> None:
    types = commands.add_parser(
        "types",
        help="print the payload types of the registered tasks as TypeScript",
        description="Print the payload types of the registered tasks as TypeScript.",
    )
    types.add_argument("target", metavar="MODULE:CONTAINER", help=ACCEPTED)
    types.add_argument("--output", metavar="FILE", help="write to this file instead")
    types.set_defaults(run=_types)


def _types(options: argparse.Namespace) -> None:
    text = typescript(_registrations(options.target), f"python -m bgtasks types {options.target}")
    if options.output is None:
        sys.stdout.write(text)
        return
    try:
        Path(options.output).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise _UsageError(f"--output {options.output}: {error.strerror}") from error


def _registrations(target: str) -> list[Registration]:
    found = list(_task_containers(_load(target)))
    if not found:
        raise _UsageError(f"there is no BackgroundTasksContainer in {target!r}; {ACCEPTED}")
    registrations = []
    for container in found:
        try:
            registrations += list(container.registry())
        except BackgroundTasksError:
            raise
        except Exception as error:
            raise _UsageError(
                f"the tasks of {target!r} cannot be read: {_said(error)}; if their options come "
                f"from the configuration, name a container that has been given it"
            ) from error
    return registrations


def _load(target: str) -> Any:
    """The object that ``module:name`` or ``module:name.attribute`` stands for."""
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise _UsageError(f"{target!r} is no name of a container; {ACCEPTED}")
    # As `python -m module` would find it.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = importlib.import_module(module_name)
    except Exception as error:
        raise _UsageError(f"module {module_name!r} of {target!r}: {_said(error)}") from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise _UsageError(f"{target!r}: there is no {name!r} in it; {ACCEPTED}") from None
    return found


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _task_containers(found: Any) -> Iterator[Any]:
    """Every BackgroundTasksContainer that ``found`` is, provides, or contains."""
    if isinstance(found, providers.Container):
        found = found.container
    if _is_task_container(found):
        yield found if not isinstance(found, type) else found()
    elif isinstance(found, type) and issubclass(found, containers.DeclarativeContainer):
        yield from _task_containers(found())
    elif isinstance(found, containers.DynamicContainer):
        # Its instances are not of its class, but say which one they were made from.
        for provider in found.traverse(types=[providers.Container]):
            if _is_task_container(provider.container):
                yield provider.container


def _is_task_container(found: Any) -> bool:
    cls = found if isinstance(found, type) else getattr(found, "declarative_parent", None)
    return isinstance(cls, type) and issubclass(cls, BackgroundTasksContainer)
