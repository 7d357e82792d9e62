"""A search as SQLite takes it: the condition of its statements, and their parameters."""

import json
from typing import Any

from bgtasks.backends.embedded.rows import from_time
from bgtasks.backends.searched import SPANS, condition
from bgtasks.core.argument_values import MAX_ARGUMENTS, scalar_of
from bgtasks.core.patterns import glob_of, id_prefix_of, like_in_json_of, like_of
from bgtasks.core.record import AFTER_ID, MAX_SEARCHED, Search
from bgtasks.core.task_filter import MAX_WORDS

__all__ = ["ARGUMENT", "SEARCHED", "json_paths", "search_values"]

_IS_SHORT = f"length(CAST(tasks.data AS BLOB)) <= {MAX_SEARCHED}"

_IN_ARGUMENTS = f"""(:in_json{{n}} IS NOT NULL AND {_IS_SHORT}
           AND substr(tasks.data, {AFTER_ID}) LIKE :in_json{{n}} ESCAPE '\\'
           AND EXISTS (SELECT 1 FROM json_tree(tasks.data) AS argument
                        WHERE argument.type IN ('text', 'integer', 'real')
                          AND argument.fullkey <> '$.id'
                          AND (argument.atom LIKE :like{{n}} ESCAPE '\\'
                               OR argument.atom GLOB :glob{{n}})))"""  # noqa: S608 - of constants alone
"""The first pattern is quick and finds keys, too; the values of those that have it are read."""

_HAS_WORD = f"""(:like{{n}} IS NULL OR tasks.name LIKE :like{{n}} ESCAPE '\\'
       OR tasks.error_message LIKE :like{{n}} ESCAPE '\\'
       OR tasks.status_message LIKE :like{{n}} ESCAPE '\\'
       OR lower(hex(tasks.id)) GLOB :id{{n}}
       OR {_IN_ARGUMENTS})
   AND (:glob{{n}} IS NULL OR tasks.name GLOB :glob{{n}} OR tasks.error_message GLOB :glob{{n}}
       OR tasks.status_message GLOB :glob{{n}}
       OR {_IN_ARGUMENTS})"""
"""LIKE is several times as fast as GLOB, but knows the two cases of ASCII letters alone."""

_HAS_ARGUMENT = f"""(:path{{n}} IS NULL OR ({_IS_SHORT} AND
       CASE coalesce(json_type(tasks.data, :path{{n}}), json_type(tasks.data, :keys{{n}}))
       WHEN 'text' THEN :text{{n}} = coalesce(
            json_extract(tasks.data, :path{{n}}), json_extract(tasks.data, :keys{{n}}))
       WHEN 'integer' THEN :number{{n}} = coalesce(
            json_extract(tasks.data, :path{{n}}), json_extract(tasks.data, :keys{{n}}))
       WHEN 'real' THEN :number{{n}} = coalesce(
            json_extract(tasks.data, :path{{n}}), json_extract(tasks.data, :keys{{n}}))
       ELSE :text{{n}} = coalesce(
            json_type(tasks.data, :path{{n}}), json_type(tasks.data, :keys{{n}})) END))"""
"""Of true, false and null, the type is the value."""


ARGUMENT = f"""CASE WHEN {_IS_SHORT} AND coalesce(json_type(tasks.data, :path),
       json_type(tasks.data, :keys)) IN ('text', 'integer', 'real', 'true', 'false')
       THEN json_extract(tasks.data,
            CASE WHEN json_type(tasks.data, :path) IS NULL THEN :keys ELSE :path END,
            '$.id.none') END"""
"""The argument at a path as the first of two items of a JSON list: as it stands in the data, with
its escapes, which are no Unicode where they are half a surrogate pair."""


def _each(template: str, number: int) -> str:
    return "\n   AND ".join(template.replace("{n}", str(n)) for n in range(number))


SEARCHED = condition(":{}".format, _each(_HAS_WORD, MAX_WORDS), _each(_HAS_ARGUMENT, MAX_ARGUMENTS))
"""What a task must be like."""


def search_values(search: Search) -> dict[str, Any]:
    """The parameters of that."""
    values: dict[str, Any] = {
        "view": search.view,
        "now": from_time(search.now),
        "error": search.error,
    }
    for name in SPANS:
        span = getattr(search, name)
        values[f"{name}_start"], values[f"{name}_end"] = map(from_time, (span.start, span.end))
    for number in range(MAX_WORDS):
        word = search.words[number] if number < len(search.words) else None
        values |= _word_values(number, word, in_arguments=search.in_arguments)
    for number in range(MAX_ARGUMENTS):
        given = search.arguments[number] if number < len(search.arguments) else None
        values |= _argument_values(number, given)
    return values


def _word_values(number: int, word: str | None, *, in_arguments: bool) -> dict[str, Any]:
    prefix = word and id_prefix_of(word)
    return {
        f"like{number}": like_of(word) if word and word.isascii() else None,
        f"glob{number}": glob_of(word) if word and not word.isascii() else None,
        f"id{number}": f"{prefix}*" if prefix else None,
        f"in_json{number}": like_in_json_of(word) if word and in_arguments else None,
    }


def _argument_values(number: int, given: tuple[str, str] | None) -> dict[str, Any]:
    path, text = given or (None, None)
    scalar = None if text is None else scalar_of(text)
    if isinstance(scalar, int) and abs(scalar) >= 2**63:
        scalar = float(scalar) if abs(scalar) < 10**300 else None
    return {
        **json_paths(path, str(number)),
        f"text{number}": text,
        f"number{number}": None if isinstance(scalar, bool) else scalar,
    }


def json_paths(path: str | None, suffix: str = "") -> dict[str, str | None]:
    """The parameters for a path: with the places in lists that numbers may be, and without."""
    return {
        f"path{suffix}": path and _json_path(path, places=True),
        f"keys{suffix}": path and _json_path(path, places=False),
    }


def _json_path(path: str, *, places: bool) -> str:
    """A path as SQLite writes it; its keys as they stand in JSON."""
    steps = (
        f"[{step}]" if places and step.isdecimal() and step.isascii() else f".{json.dumps(step)}"
        for step in path.split(".")
    )
    return f"${''.join(steps)}"
