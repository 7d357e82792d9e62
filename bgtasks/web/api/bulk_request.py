"""The body of a request to change many tasks, checked by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve
from starlette.datastructures import QueryParams

from bgtasks.core.task_filter import TaskFilter
from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.web.api.body import read_json, read_object
from bgtasks.web.bulk.action import ACTIONS, BulkRequest
from bgtasks.web.filters import NAMES, check_names, parse_filter, true_or_false

__all__ = ["parse_bulk"]

MAX_EXPECTED = 10**12
"""The highest number of tasks that a client may expect."""

_EXAMPLE = '{"action": "cancel", "filter": {"type": "Copy"}, "expected": 12}'

_FIELDS = ("action", "filter", "expected", "asOf")


def parse_bulk(body: bytes, query: QueryParams) -> tuple[BulkRequest, int | None]:
    """What is to be done, and how many tasks the client expects to be changed; ``None``: it only
    asks how many (``dryRun=true``).

    Raises QueryError, which names the field, its value and what is accepted.
    """
    is_dry = _is_dry_run(query)
    data = read_object("the body", read_json(body, _EXAMPLE), _FIELDS)
    action = data.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise QueryError(f"action is {shown(action)}; accepted: {', '.join(ACTIONS)}")
    tasks = parse_filter(_written(data.get("filter")))
    if "asOf" in data:
        tasks = _submitted_until(tasks, data["asOf"])
    expected = None if is_dry else _expected(data.get("expected"))
    return BulkRequest(ACTIONS[action], tasks), expected


def _is_dry_run(query: QueryParams) -> bool:
    check_names(query, ["dryRun"])
    return "dryRun" in query and true_or_false("dryRun", query.getlist("dryRun"))


def _written(given: Any) -> Mapping[str, Sequence[str]]:
    """A filter in JSON as the parameters of a query: each a text or a list of them; the owner of
    tasks without one is ``null``."""
    parameters: dict[str, Sequence[str]] = {}
    for name, value in read_object("filter", given, NAMES).items():
        values = value if isinstance(value, list) else [value]
        texts = ["" if item is None and name == "owner" else item for item in values]
        if not texts or not all(isinstance(item, str) for item in texts):
            raise QueryError(f"{name} is {shown(value)}; accepted: a text, or a list of texts")
        parameters[name] = texts
    return parameters


def _submitted_until(tasks: TaskFilter, as_of: Any) -> TaskFilter:
    if not isinstance(as_of, str):
        raise QueryError(f"asOf is {shown(as_of)}; accepted: a time in ISO 8601")
    limit = parse_filter({"created_before": [as_of]}).created_before
    times = [time for time in (tasks.created_before, limit) if time is not None]
    return evolve(tasks, created_before=min(times))


def _expected(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MAX_EXPECTED:
        raise QueryError(
            f"expected is {shown(given)}; accepted: how many tasks you expect to be changed, from "
            f"0 to {MAX_EXPECTED:,}; dryRun=true says how many match"
        )
    return given
