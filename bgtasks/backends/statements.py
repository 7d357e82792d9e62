"""SQL that lives in files: one statement, one name."""

import re
from collections.abc import Mapping
from importlib.resources import files

__all__ = ["load_statements", "read_sql"]


def read_sql(package: str, name: str) -> str:
    """The text of ``sql/{name}`` beside the modules of ``package``."""
    return files(package).joinpath("sql", name).read_text("utf-8")


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
