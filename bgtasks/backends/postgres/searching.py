"""A search as PostgreSQL takes it: the condition of its statements, and their parameters."""

import json
import re
from typing import Any

from bgtasks.backends.searched import SPANS, condition
from bgtasks.core.argument_values import scalar_of
from bgtasks.core.patterns import id_prefix_of, json_regex_of, regex_of
from bgtasks.core.record import AFTER_ID, MAX_SEARCHED, Search

__all__ = ["ARGUMENT", "PLACE", "SEARCHED", "escaped", "search_values", "unescaped"]

_TYPES = {
    **{f"{name}_{side}": "timestamptz" for name in SPANS for side in ("start", "end")},
    "view": "text",
    "now": "timestamptz",
    "error": "text",
    "patterns": "text[]",
    "id_prefixes": "text[]",
    "json_patterns": "text[]",
    "paths": "text[]",
    "texts": "text[]",
    "scalars": "text[]",
}
_PARAMETERS = {name: f"${at}::{kind}" for at, (name, kind) in enumerate(_TYPES.items(), 3)}

_NEXT = len(_TYPES) + 3

PLACE = {
    "is_first": f"${_NEXT}::boolean",
    "at": f"${_NEXT + 1}::timestamptz",
    "after": f"${_NEXT + 2}::bigint",
}
"""Where a sorted list goes on: the parameters behind those of the search."""

_DATA = r"""(CASE WHEN pg_catalog.strpos(task.data, '\u') = 0 THEN task.data ELSE
              pg_catalog.regexp_replace(task.data, '(?<!\\)((\\\\)*)\\u', '\1\\\\u', 'g')
              END)::pg_catalog.jsonb"""
r"""The data of a task with its escapes of the form ``\u00c4`` as the six letters that they are:
``jsonb`` takes neither NUL nor half a surrogate pair."""

_IS_SHORT = f"pg_catalog.octet_length(task.data) <= {MAX_SEARCHED}"

_IN_ARGUMENTS = f"""CASE WHEN word.in_json IS NOT NULL AND {_IS_SHORT}
                         AND pg_catalog.substr(task.data, {AFTER_ID}) ~ word.in_json
                    THEN EXISTS (
                         SELECT FROM pg_catalog.jsonb_path_query({_DATA} - 'id',
                                'strict $.** ? (@.type() == "string" || @.type() == "number")')
                             AS argument (value)
                          WHERE argument.value #>> '{{}}' ~ word.in_json) END"""
"""The first look is quick and finds keys, too; the values of those that have it are read."""

_HAS_WORDS = f"""NOT EXISTS (
       SELECT FROM unnest({_PARAMETERS["patterns"]}, {_PARAMETERS["id_prefixes"]},
                                     {_PARAMETERS["json_patterns"]})
                AS word (pattern, id_prefix, in_json)
        WHERE (task.name ~ word.pattern OR task.error_message ~ word.pattern
               OR task.status_message ~ word.pattern
               OR pg_catalog.starts_with(pg_catalog.replace(task.id::text, '-', ''), id_prefix)
               OR {_IN_ARGUMENTS}) IS NOT TRUE)"""

_HAS_ARGUMENTS = f"""NOT EXISTS (
       SELECT FROM unnest({_PARAMETERS["paths"]}, {_PARAMETERS["texts"]},
                                     {_PARAMETERS["scalars"]}) AS argument (path, text, scalar)
        WHERE (CASE WHEN {_IS_SHORT}
               THEN {_DATA} #> pg_catalog.string_to_array(argument.path, '.')
                    IN (pg_catalog.to_jsonb(argument.text), argument.scalar::pg_catalog.jsonb)
               END) IS NOT TRUE)"""

_AT_PATH = f"{_DATA} #> pg_catalog.string_to_array({{path}}, '.')"

ARGUMENT = f"""CASE WHEN {_IS_SHORT}
       AND pg_catalog.jsonb_typeof({_AT_PATH}) IN ('string', 'number', 'boolean')
       THEN ({_AT_PATH})::text END"""
"""The argument at a ``{path}`` as JSON, its escapes as ``_DATA`` has them."""

SEARCHED = condition(_PARAMETERS.__getitem__, _HAS_WORDS, _HAS_ARGUMENTS)
"""What a task must be like; the parameters from the third on."""


def search_values(search: Search) -> list[Any]:
    """The values of these parameters."""
    spans = [getattr(search, name) for name in SPANS]
    words, paths = search.words, [path for path, _ in search.arguments]
    texts = [text for _, text in search.arguments]
    return [
        *(bound for span in spans for bound in (span.start, span.end)),
        search.view,
        search.now,
        search.error,
        [regex_of(word) for word in words],
        [id_prefix_of(word) for word in words],
        [json_regex_of(word) if search.in_arguments else None for word in words],
        [escaped(path) for path in paths],
        [escaped(text) for text in texts],
        [_scalar(text) for text in texts],
    ]


def escaped(text: str) -> str:
    r"""The text as ``_DATA`` has it: ``Ä`` as ``\u00c4``."""
    literal = re.sub(r"(?<!\\)((?:\\\\)*)\\u", r"\1\\\\u", json.dumps(text))
    found: str = json.loads(literal)
    return found


def unescaped(text: str) -> str:
    r"""The text that ``_DATA`` has so. One that had a backslash and ``u00c4`` is taken for ``Ä``,
    too: in ``_DATA`` both are the same."""
    found = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _scalar(text: str) -> str | None:
    """The JSON of what else a text may stand for."""
    if text == "null":
        return text
    scalar = scalar_of(text)
    return None if scalar is None else json.dumps(scalar)
