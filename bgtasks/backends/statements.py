"""SQL that lives in files: one statement, one name; one step of a schema, one number."""

import re
from collections.abc import Mapping
from importlib.resources import files

from attrs import frozen

__all__ = ["Migration", "load_migrations", "load_statements", "read_sql"]


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


def _fill(body: str, parts: Mapping[str, str]) -> str:
    for name, text in parts.items():
        body = body.replace(f"{{{name}}}", text)
    return body
