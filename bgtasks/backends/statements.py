"""SQL that lives in files: one statement, one name; one step of a schema, one number."""

import re
from collections.abc import Mapping
from importlib.resources import files

from attrs import frozen

__all__ = ["Migration", "in_all_orders", "load_migrations", "load_statements", "read_sql"]


@frozen
class Migration:
    """One numbered step from one version of the tables to the next."""

    number: int
    name: str
    sql: str


def read_sql(package: str, name: str) -> str:
    """The text of ``sql/{name}`` beside the modules of ``package``."""
    return files(package).joinpath("sql", name).read_text("utf-8")


def load_migrations(package: str) -> list[Migration]:
    """The steps in ``sql/NNNN_name.sql`` of ``package``, in the order of their numbers."""
    found = []
    for file in files(package).joinpath("sql").iterdir():
        if match := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name):
            found.append(Migration(int(match[1]), match[2], file.read_text("utf-8")))
    return sorted(found, key=lambda item: item.number)


def load_statements(package: str, **parts: str) -> Mapping[str, str]:
    """The statements of ``sql/queries.sql`` by the names in their ``-- name:`` lines.

    ``parts`` stand for ``{part}`` in them, such as the list of all columns.
    """
    _, *found = re.split(r"^-- name: (\w+)\n", read_sql(package, "queries.sql"), flags=re.MULTILINE)
    return {
        name: _fill(body.strip().rstrip(";"), parts)
        for name, body in zip(found[::2], found[1::2], strict=True)
    }


def in_all_orders(statements: Mapping[str, str], last: Mapping[str, str]) -> dict[str, str]:
    """The statements of lists for each order: ``NAME`` newest first, ``NAME created`` oldest first,
    and ``sorted_tasks ORDER`` by other times. ``last`` has for each direction what comes last in
    it, in place of a time that is not there yet."""
    found = {}
    for name in _LISTS & statements.keys():
        found[name] = _fill(statements[name], _DOWN)
        found[f"{name} created"] = _fill(statements[name], _UP)
    for time, column in (("started", "started_at"), ("ended", "completed_at")):
        for sort, way in ((f"-{time}", _DOWN), (time, _UP)):
            parts = {**way, "time": column, "none": last[way["order"]]}
            found[f"sorted_tasks {sort}"] = _fill(statements["sorted_tasks"], parts)
    return found


_LISTS = {
    *("listed_by_sequences", "searched_tasks", "newest_tasks", "filtered_tasks", "owned_tasks"),
    "sequences_of_error",
}

_DOWN = {"order": "DESC", "beyond": "<", "within": ">=", "edge": "0"}
_UP = {"order": "ASC", "beyond": ">", "within": "<=", "edge": str(2**63 - 1)}


def _fill(body: str, parts: Mapping[str, str]) -> str:
    for name, text in parts.items():
        body = body.replace(f"{{{name}}}", text)
    return body
