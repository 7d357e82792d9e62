"""A search as PostgreSQL takes it: the condition of its statements, and their parameters."""

from typing import Any

from bgtasks.backends.searched import SPANS, condition
from bgtasks.core.patterns import id_prefix_of, regex_of
from bgtasks.core.record import Search

__all__ = ["SEARCHED", "search_values"]

_TYPES = {
    **{f"{name}_{side}": "timestamptz" for name in SPANS for side in ("start", "end")},
    "view": "text",
    "now": "timestamptz",
    "patterns": "text[]",
    "id_prefixes": "text[]",
}
_PARAMETERS = {name: f"${at}::{kind}" for at, (name, kind) in enumerate(_TYPES.items(), 3)}

SEARCHED = condition(
    _PARAMETERS.__getitem__,
    f"""NOT EXISTS (
           SELECT FROM unnest({_PARAMETERS["patterns"]}, {_PARAMETERS["id_prefixes"]})
                    AS word (pattern, id_prefix)
            WHERE (task.name ~ word.pattern OR task.error_message ~ word.pattern
                   OR task.status_message ~ word.pattern
                   OR pg_catalog.starts_with(pg_catalog.replace(task.id::text, '-', ''), id_prefix)
                  ) IS NOT TRUE)""",
)
"""What a task must be like; the parameters from the third on."""


def search_values(search: Search) -> list[Any]:
    """The values of these parameters."""
    spans = [getattr(search, name) for name in SPANS]
    return [
        *(bound for span in spans for bound in (span.start, span.end)),
        search.view,
        search.now,
        [regex_of(word) for word in search.words],
        [id_prefix_of(word) for word in search.words],
    ]
