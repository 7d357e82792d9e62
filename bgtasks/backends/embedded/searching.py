"""A search as SQLite takes it: the condition of its statements, and their parameters."""

import json
from typing import Any

from bgtasks.backends.embedded.rows import from_time
from bgtasks.backends.searched import SPANS, condition
from bgtasks.core.patterns import Word, glob_of
from bgtasks.core.record import Search

__all__ = ["SEARCHED", "search_values"]

SEARCHED = condition(
    ":{}".format,
    """NOT EXISTS (
           SELECT 1 FROM json_each(:words) AS word
            WHERE (tasks.name GLOB json_extract(word.value, '$[0]')
                   OR tasks.error_message GLOB json_extract(word.value, '$[0]')
                   OR tasks.status_message GLOB json_extract(word.value, '$[0]')
                   OR lower(hex(tasks.id)) GLOB json_extract(word.value, '$[1]') || '*'
                  ) IS NOT TRUE)""",
)
"""What a task must be like."""


def search_values(search: Search) -> dict[str, Any]:
    """The parameters of that."""
    words = [Word.of(word, glob_of) for word in search.words]
    values: dict[str, Any] = {
        "view": search.view,
        "now": from_time(search.now),
        "words": json.dumps([[word.pattern, word.id_prefix] for word in words]),
    }
    for name in SPANS:
        span = getattr(search, name)
        values[f"{name}_start"], values[f"{name}_end"] = map(from_time, (span.start, span.end))
    return values
