"""The SQL of this backend, by name, from ``sql/queries.sql``."""

import re
from importlib.resources import files

from bgtasks.backends.embedded.rows import COLUMNS

__all__ = ["SCHEMA", "STATEMENTS"]

_FOLDER = files("bgtasks.backends.embedded").joinpath("sql")

SCHEMA = _FOLDER.joinpath("schema.sql").read_text("utf-8")


def _load() -> dict[str, str]:
    text = _FOLDER.joinpath("queries.sql").read_text("utf-8")
    _, *parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    columns = ", ".join(COLUMNS)
    return {
        name: body.strip().rstrip(";").replace("{columns}", columns)
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


STATEMENTS = _load()
