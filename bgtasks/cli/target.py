"""What ``MODULE:CONTAINER`` on a command line stands for."""

import importlib
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dependency_injector import containers, providers

from bgtasks.cli.usage import ACCEPTED, UsageError
from bgtasks.containers import BackgroundTasksContainer
from bgtasks.core.database_url import is_server_address
from bgtasks.core.redaction import redact
from bgtasks.core.schedules.definition import Schedules
from bgtasks.errors import BackgroundTasksError
from bgtasks.registration import Registration

__all__ = ["one_task_container", "registrations", "schedules", "task_containers"]


def task_containers(target: str) -> list[Any]:
    """Every BackgroundTasksContainer in what ``target`` names, at least one.

    Raises UsageError where there is none, or where the module cannot be imported.
    """
    found = list(_task_containers(_load(target)))
    if not found:
        raise UsageError(f"there is no BackgroundTasksContainer in {target!r}; {ACCEPTED}")
    return found


def one_task_container(target: str) -> Any:
    """The only BackgroundTasksContainer in what ``target`` names.

    Raises UsageError where there is none or more than one.
    """
    found = task_containers(target)
    if len(found) > 1:
        raise UsageError(
            f"there are {len(found)} BackgroundTasksContainers in {target!r}; name one of them, "
            f"such as {target}.background_tasks"
        )
    return found[0]


def registrations(container: Any, target: str) -> list[Registration]:
    """The tasks that are registered in a container of ``target``. Raises UsageError."""
    with _reading("tasks", target):
        return list(container.registry())


def schedules(container: Any, target: str) -> Schedules:
    """The schedules that are registered in a container of ``target``. Raises UsageError."""
    with _reading("schedules", target):
        found: Schedules = container.known_schedules()
    return found


@contextmanager
def _reading(what: str, target: str) -> Generator[None]:
    try:
        yield
    except BackgroundTasksError:
        raise
    except Exception as error:
        raise UsageError(
            f"the {what} of {target!r} cannot be read: {_said(error)}; if their options come "
            f"from the configuration, name a container that has been given it"
        ) from error


def _load(target: str) -> Any:
    """The object that ``module:name`` or ``module:name.attribute`` stands for."""
    if is_server_address(target):
        raise UsageError(f"a database was given where a container is expected; {ACCEPTED}")
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise UsageError(f"{target!r} is no name of a container; {ACCEPTED}")
    # As `python -m module` would find it.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(f"module {module_name!r} of {target!r}: {_said(error)}") from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UsageError(f"{target!r}: there is no {name!r} in it; {ACCEPTED}") from None
    return found


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {redact(str(error))}"


def _task_containers(found: Any) -> Iterator[Any]:
    """Every BackgroundTasksContainer that ``found`` is, provides, or contains."""
    if isinstance(found, providers.Container):
        found = found.container
    if _is_task_container(found):
        yield found if not isinstance(found, type) else found()
    elif isinstance(found, type) and issubclass(found, containers.DeclarativeContainer):
        yield from _task_containers(found())
    elif isinstance(found, containers.DynamicContainer):
        # Instances of a container are not of its class, but name the class they are made from.
        for provider in found.traverse(types=[providers.Container]):
            if _is_task_container(provider.container):
                yield provider.container


def _is_task_container(found: Any) -> bool:
    cls = found if isinstance(found, type) else getattr(found, "declarative_parent", None)
    return isinstance(cls, type) and issubclass(cls, BackgroundTasksContainer)
