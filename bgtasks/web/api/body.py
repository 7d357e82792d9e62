"""A request body in JSON, checked by name."""

import json
from collections.abc import Sequence
from typing import Any

from bgtasks.core.text import shown
from bgtasks.errors import QueryError
from bgtasks.web.filters import check_names

__all__ = ["parse_arguments", "read_json", "read_object"]


def read_json(body: bytes, example: str) -> Any:
    """The data of a body. Raises QueryError with an ``example`` of what is accepted."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise QueryError(f"the body is no JSON; accepted: {example}") from None


def read_object(name: str, data: Any, accepted: Sequence[str]) -> dict[str, Any]:
    """``data`` itself. Raises QueryError unless it is an object that has no fields but those that
    are ``accepted``."""
    if not isinstance(data, dict):
        raise QueryError(f"{name} is {shown(data)}; accepted: an object with {', '.join(accepted)}")
    check_names(data, accepted, f"{name} has an unknown field")
    return data


def parse_arguments(body: bytes) -> dict[str, Any]:
    """The arguments that a task gets when it is run again, in place of those it had. Raises
    QueryError, which says what is accepted."""
    if not body:
        return {}
    data = read_object("the body", read_json(body, '{"arguments": {"size": 3}}'), ["arguments"])
    arguments = data.get("arguments", {})
    if not isinstance(arguments, dict):
        raise QueryError(f"arguments is {shown(arguments)}; accepted: an object with new values")
    return arguments
