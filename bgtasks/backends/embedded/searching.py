"""A search as SQLite takes it: the condition of its statements, and their parameters."""

from typing import Any

from bgtasks.backends.embedded.rows import from_time
from bgtasks.backends.searched import SPANS, condition
from bgtasks.core.patterns import glob_of, id_prefix_of, like_of
from bgtasks.core.record import Search
from bgtasks.core.task_filter import MAX_WORDS

__all__ = ["SEARCHED", "search_values"]

_HAS_WORD = """(:like{n} IS NULL OR tasks.name LIKE :like{n} ESCAPE '\\'
       OR tasks.error_message LIKE :like{n} ESCAPE '\\'
       OR tasks.status_message LIKE :like{n} ESCAPE '\\'
       OR lower(hex(tasks.id)) GLOB :id{n})
   AND (:glob{n} IS NULL OR tasks.name GLOB :glob{n} OR tasks.error_message GLOB :glob{n}
       OR tasks.status_message GLOB :glob{n})"""
"""LIKE is several times as fast as GLOB, but knows the two cases of ASCII letters alone."""

SEARCHED = condition(
    ":{}".format, "\n   AND ".join(_HAS_WORD.replace("{n}", str(n)) for n in range(MAX_WORDS))
)
"""What a task must be like."""


def search_values(search: Search) -> dict[str, Any]:
    """The parameters of that."""
    values: dict[str, Any] = {"view": search.view, "now": from_time(search.now)}
    for name in SPANS:
        span = getattr(search, name)
        values[f"{name}_start"], values[f"{name}_end"] = map(from_time, (span.start, span.end))
    for number in range(MAX_WORDS):
        word = search.words[number] if number < len(search.words) else None
        prefix = word and id_prefix_of(word)
        values[f"like{number}"] = like_of(word) if word and word.isascii() else None
        values[f"glob{number}"] = glob_of(word) if word and not word.isascii() else None
        values[f"id{number}"] = f"{prefix}*" if prefix else None
    return values
