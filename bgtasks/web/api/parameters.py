"""What requests bring, as the OpenAPI document describes it: parameters of queries, and a body."""

from typing import Any

from bgtasks.core.argument_values import MAX_ARGUMENTS, MAX_VALUE
from bgtasks.core.query import MAX_NUMBER, SORTS
from bgtasks.core.task_filter import TIMES
from bgtasks.models import BackgroundTaskStatus
from bgtasks.web.api.operation import Parameter
from bgtasks.web.bulk.action import ACTIONS
from bgtasks.web.encoded_log import LINE_SCHEMA
from bgtasks.web.listing import INCLUDED
from bgtasks.web.protocol import MAX_CURSOR, MAX_LIMIT, MAX_OWNER, MAX_TYPE

__all__ = [
    "AFTER",
    "ARGUMENTS_BODY",
    "BEGUN",
    "BULK_BODY",
    "DETAILS",
    "DRY_RUN",
    "FACETS",
    "FAILURES",
    "FILTER",
    "HISTORY",
    "LOG",
    "MATCHING",
    "PAGE",
    "PAGE_MORE",
    "PART",
    "STREAM",
    "TASK_REF",
]

Schema = dict[str, Any]

_SWITCH: Schema = {"enum": ["true", "false"]}

_TYPE: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TYPE}
_TIME: Schema = {"type": "string", "format": "date-time"}
_RANGE: Schema = {"type": "string", "examples": ["2026-01-31T09:00:00Z..2026-02-01T09:00:00Z"]}

PART = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}, "items on a page"),
    Parameter(
        "cursor",
        {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR},
        "nextCursor of the page before",
    ),
)
"""Those of a list in parts."""

HISTORY = (
    Parameter("from", _TIME, "what happened from this time on; a day before the end"),
    Parameter("to", _TIME, "and before this time; now"),
    Parameter("type", _TYPE, "to tasks of this type"),
    Parameter(
        "step",
        {"type": "string", "default": "auto", "examples": ["auto", "300"]},
        "auto, or the seconds of a point: whole minutes",
    ),
)
"""Those of a history."""

FAILURES = (
    Parameter("from", _TIME, "what failed from this time on; a day before the end"),
    Parameter("to", _TIME, "and before this time"),
    Parameter("type", _TYPE, "tasks of this type"),
)
"""Those of the failures."""

FACETS = (
    Parameter(
        "by",
        {"type": "string", "pattern": r"^(owner|process|args\..+)$"},
        "what tasks are told apart by: owner, process, or args.PATH; must be given",
    ),
    *FAILURES,
)
"""Those of what the tasks of a failure have in common."""

FILTER = (
    Parameter("type", _TYPE, "tasks of these types", repeated=True),
    Parameter(
        "status",
        {"type": "string", "enum": [status.value for status in BackgroundTaskStatus]},
        "tasks in these states",
        repeated=True,
    ),
    Parameter(
        "owner",
        {"type": "string", "maxLength": MAX_OWNER},
        "tasks of these owners; empty: without one",
        repeated=True,
    ),
    Parameter("q", {"type": "string"}, "words that all occur in the texts of the task"),
    Parameter(
        "args.",
        {"type": "string", "maxLength": MAX_VALUE},
        f"args.PATH: what the argument at a path is; at most {MAX_ARGUMENTS}",
        prefix=True,
    ),
    Parameter("view", {"type": "string"}, "a part of the tasks, such as 'retrying'"),
    Parameter(
        "error",
        {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "tasks whose newest failure is of this group",
    ),
    Parameter("created", _RANGE, "submitted in this time: 'from..to', one may be left out"),
    Parameter("started", _RANGE, "begun in this time: 'from..to', one may be left out"),
    Parameter("ended", _RANGE, "ended in this time: 'from..to', one may be left out"),
    *(
        Parameter(name, _TIME, f"{name.replace('_', ' ')} this time, with its zone")
        for name in TIMES
    ),
)
"""Those of a filter of tasks."""

PAGE = (
    *PART,
    *FILTER,
    Parameter(
        "include",
        {"type": "string", "examples": ["payload,arguments"]},
        f"what items have beside the rest: {', '.join(INCLUDED)}",
    ),
    Parameter("count", _SWITCH, "whether the answer has the total"),
    Parameter(
        "sort", {"type": "string", "enum": [*SORTS]}, "by a time; with a minus the newest first"
    ),
)
"""Those of a list of tasks."""

PAGE_MORE: Schema = {
    "total": {"type": "integer", "description": "of all pages; with count=true"},
    "complete": {
        "const": False,
        "description": "only the newest 10,000 tasks that fit were sorted; otherwise absent",
    },
    "searchedTo": {
        **_TIME,
        "description": "a search took a second: all that fit and were submitted since then are "
        "found, nextCursor goes on; otherwise absent",
    },
}
"""What the answer may have beside its items."""

STREAM = (
    Parameter("type", _TYPE, "follow tasks of these types", repeated=True),
    Parameter("ids", {"type": "string", "format": "uuid"}, "follow these tasks", repeated=True),
    Parameter(
        "logs", {"type": "string", "format": "uuid"}, "also the logs of these tasks", repeated=True
    ),
)
"""Those of an event stream."""

AFTER = Parameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER, "default": 0},
    "the number of a line: only those behind it",
)

LOG: Schema = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": LINE_SCHEMA},
        "first": {"type": "integer", "description": "number of the oldest line that is kept"},
        "last": {"type": "integer", "description": "ask on with after=last"},
    },
    "required": ["items", "first", "last"],
}
"""The answer to a request for a log."""

DRY_RUN = Parameter("dryRun", _SWITCH, "only say how many tasks match; nothing is changed")


def _filter_value(parameter: Parameter) -> Schema:
    """A member of a filter in JSON: a text, or a list of texts."""
    kinds = ["string", "null"] if parameter.name == "owner" else ["string"]
    return {"type": [*kinds, "array"], "items": {"type": kinds}, "description": parameter.text}


BULK_BODY: Schema = {
    "type": "object",
    "properties": {
        "action": {"enum": [*ACTIONS]},
        "filter": {
            "type": "object",
            "properties": {item.name: _filter_value(item) for item in FILTER if not item.prefix},
            "patternProperties": {
                f"^{item.name}": _filter_value(item) for item in FILTER if item.prefix
            },
            "additionalProperties": False,
        },
        "expected": {
            "type": "integer",
            "minimum": 0,
            "description": "how many tasks you expect to be changed; needed without dryRun",
        },
        "asOf": _TIME | {"description": "tasks submitted from then on are left alone"},
    },
    "required": ["action", "filter"],
    "additionalProperties": False,
}

ARGUMENTS_BODY: Schema = {
    "type": "object",
    "properties": {
        "arguments": {
            "type": "object",
            "description": "those that the new task shall have in place of the old ones",
        }
    },
    "additionalProperties": False,
}
"""What may be sent with the request to run a task again."""

TASK_REF: Schema = {"$ref": "#/components/schemas/Task"}

DETAILS: Schema = {
    "type": "object",
    "properties": {
        "arguments": {"type": "object"},
        "priority": {"type": "integer"},
        "changedAt": _TIME,
        "maxAttempts": {"type": ["integer", "null"]},
        "timeout": {"type": ["number", "null"], "description": "in seconds"},
    },
}
"""What a task has beside its snapshot for whoever may see arguments."""

_COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer"}}

MATCHING: Schema = {
    "type": "object",
    "properties": {
        "matched": {"type": "integer"},
        "types": _COUNTS,
        "owners": _COUNTS | {"type": ["object", "null"]},
    },
    "required": ["matched", "types", "owners"],
}
"""The answer to a dry run."""

BEGUN: Schema = {
    "type": "object",
    "properties": {"id": {"type": "string", "format": "uuid"}, "matched": {"type": "integer"}},
    "required": ["id", "matched"],
}
"""The answer to a request that has begun to change tasks."""
