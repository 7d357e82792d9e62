"""``python -m bgtasks database``: the tables in PostgreSQL, and the import of tasks."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from bgtasks.cli.usage import ACCEPTED, UsageError
from bgtasks.core.database_url import is_server_address

if TYPE_CHECKING:
    from bgtasks.registry import Registry

__all__ = ["add"]

DESCRIPTION = "Make, check and fill the tables of tasks in PostgreSQL."


def add(commands: Any) -> None:
    """Register the command and those below it."""
    database = commands.add_parser(
        "database", help="make, check and fill the tables in PostgreSQL", description=DESCRIPTION
    )
    actions = database.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add(actions, "upgrade", "bring the tables up to what this release needs", _upgrade)
    _add(actions, "check", "say whether this release can work with the tables", _check)
    moving = actions.add_parser(
        "import",
        help="move the tasks of an SQLite file into PostgreSQL",
        description="Copy the tasks of an SQLite file into PostgreSQL, with all that is known of "
        "them. The file stays as it is. Can be repeated: what is there already is left out.",
    )
    moving.add_argument("file", metavar="FILE", help="the file; no application may be using it")
    _finish(moving, _import)


def _add(
    actions: Any, name: str, description: str, run: Callable[[argparse.Namespace], None]
) -> None:
    sentence = f"{description[0].upper()}{description[1:]}."
    _finish(actions.add_parser(name, help=description, description=sentence), run)


def _finish(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    parser.add_argument("target", metavar="MODULE:CONTAINER", nargs="?", help=ACCEPTED)
    parser.add_argument("--url", help="instead of MODULE:CONTAINER: postgresql://user@host/name")
    parser.set_defaults(run=run)


@frozen
class _Place:
    """What the options name: the setting ``database``, and the registered types if a container was
    named."""

    database: str
    registry: "Registry | None"

    @property
    def is_embedded(self) -> bool:
        return "://" not in self.database


def _place(options: argparse.Namespace) -> _Place:
    if (options.target is None) is (options.url is None):
        raise UsageError(
            "which database? Give either MODULE:CONTAINER, which has the setting 'database', or "
            "--url postgresql://user@host/name"
        )
    from bgtasks.cli.target import one_task_container, registrations
    from bgtasks.settings import Settings

    if options.target is not None:
        container = one_task_container(options.target)
        registrations(container, options.target)  # says in words what cannot be registered
        return _Place(container.settings().database, container.registry())
    place = _Place(Settings(database=options.url).database, None)
    if place.is_embedded:
        raise UsageError(f"--url {options.url}: accepted: postgresql://user@host/name")
    _need_postgres()
    return place


def _need_postgres() -> None:
    try:
        import bgtasks.backends.postgres.database  # noqa: F401 - tried here, used later
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is not installed, and tasks in PostgreSQL need it: "
            "pip install 'bgtasks-di[postgres]'"
        ) from None


def _upgrade(options: argparse.Namespace) -> None:
    place = _place(options)
    if place.is_embedded:
        _say(f"{place.database} needs no upgrade by hand: an application does it when it starts")
        return
    _need_postgres()
    from bgtasks.cli.database_work import upgrade  # late: without the extra the others must work

    _say(upgrade(place.database))


def _check(options: argparse.Namespace) -> None:
    place = _place(options)
    if place.is_embedded:
        _say(f"{place.database} is an SQLite file: an application checks it when it starts")
        return
    _need_postgres()
    from bgtasks.cli.database_work import check

    _say(check(place.database))


def _import(options: argparse.Namespace) -> None:
    place = _place(options)
    if place.is_embedded:
        raise UsageError(
            f"setting 'database' of {options.target!r} is {place.database!r}; tasks move to "
            "PostgreSQL: set it to postgresql://… before, or give --url"
        )
    if is_server_address(options.file):
        raise UsageError("a database server was given where the SQLite file is expected")
    _need_postgres()
    from bgtasks.cli.database_work import import_file

    _say(import_file(options.file, place.database, place.registry))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
