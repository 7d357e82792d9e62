"""What the OpenAPI document says of an endpoint; it stands at the endpoint itself."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from attrs import field, frozen

from bgtasks.core.codec.shapes import camel_case
from bgtasks.web.commands import Command

__all__ = [
    "Items",
    "Operation",
    "Parameter",
    "described",
    "described_as",
    "operation_of",
    "operation_of_command",
]

Schema = dict[str, Any]

Function = TypeVar("Function", bound=Callable[..., Any])

_OPERATION = "operation"

_REFUSED = (400, 403, 414, 500, 503)
"""What any request to the API may be answered with."""

_ON_BODY = (408, 413)
"""The same for one with a body."""


@frozen
class Parameter:
    """A parameter of the query: its name, its schema, and what it does.

    ``repeated``: it may be given several times, ``schema`` is that of one. ``prefix``: any name
    that begins with ``name`` is such a parameter.
    """

    name: str
    schema: Schema
    text: str
    repeated: bool = False
    prefix: bool = False


@frozen
class Items:
    """The answer of a list: ``{"items": [...]}`` of these. ``paged``: with ``nextCursor``.
    ``more`` are further members, which may be left out."""

    of: type
    paged: bool = False
    more: Schema = field(factory=dict)


@frozen(kw_only=True)
class Operation:
    """One method of one route.

    ``name`` is unique in the document; generated clients call it so. ``answer`` is what a request
    is answered with when all is well, and with which ``status``: a class that the codec writes,
    a list of one, or a schema. ``problems`` are the statuses of refusals, all of them.
    """

    name: str
    summary: str
    answer: type | Items | Schema
    status: int = 200
    media_type: str = "application/json"
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    problems: tuple[int, ...] = ()
    others: dict[int, tuple[str, Schema]] = field(factory=dict)
    """Answers with another status that are no problems: what each means, and its schema."""


def described(
    name: str,
    summary: str,
    *,
    answer: type | Items | Schema,
    problems: tuple[int, ...] = (),
    **more: Any,
) -> Callable[[Function], Function]:
    """Describe an endpoint of the API. ``problems`` are those beside the ones that every endpoint
    has, ``more`` the other fields of an :class:`Operation`."""
    if more.get("body") is not None:
        problems += _ON_BODY
    operation = Operation(
        name=name, summary=summary, answer=answer, problems=(*_REFUSED, *problems), **more
    )

    return partial(described_as, operation)


def described_as(operation: Operation, endpoint: Function) -> Function:
    """``endpoint`` itself, with what :func:`operation_of` returns of it."""
    setattr(endpoint, _OPERATION, operation)
    return endpoint


def operation_of(endpoint: Callable[..., Any]) -> Operation:
    """What was said of an endpoint. Raises TypeError where nothing was."""
    operation = getattr(endpoint, _OPERATION, None)
    if not isinstance(operation, Operation):
        raise TypeError(f"{endpoint!r} is not described; put @described(...) above it")
    return operation


def operation_of_command(command: Command) -> Operation:
    """What is to be said of the endpoint of a command."""
    return Operation(
        name=camel_case(command.event[0].lower() + command.event[1:]),
        summary=f"{command.name.capitalize()} a {command.on.noun}; policy: {command.question}",
        answer=command.on.shape,
        status=command.status,
        parameters=tuple(
            Parameter(name, {"type": "string"}, f"the {name}, kept with the {command.on.noun}")
            for name in command.takes
        ),
        problems=(*_REFUSED, 404, 409),
    )
