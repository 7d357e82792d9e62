"""Writes values of one type as JSON that comes back equal, or names the part that does not."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import cattrs

from bgtasks.core.codec.blame import Blame
from bgtasks.core.codec.comparison import Difference, find_difference
from bgtasks.core.codec.json_text import MAX_JSON, encode, has_surrogates, is_deeper
from bgtasks.core.codec.proofs import Check, Proofs
from bgtasks.core.codec.pydantic_models import is_pydantic
from bgtasks.core.hints import has_fields
from bgtasks.core.text import shown
from bgtasks.errors import PayloadTooLargeError

__all__ = ["Encoder"]


_Way = tuple[Check, Callable[[Any], Any]]


class Encoder:
    """Encodes values that come back as ``hint``; with ``Any`` they come back as JSON data.

    ``name`` is what messages call a value, ``depth`` how deep it may be nested. A value that is
    proven to survive is written at once; any other is read back and compared.
    """

    def __init__(
        self,
        hint: Any,
        name: str,
        depth: int,
        *,
        converter: cattrs.Converter,
        proofs: Proofs,
        blame: Blame,
    ) -> None:
        self._hint = hint
        self._name = name
        self._depth = depth
        self._converter = converter
        self._proofs = proofs
        self._blame = blame
        self._ways: dict[type, _Way] = {}

    def __call__(self, value: object) -> str:
        """The JSON of ``value``. Raises SerializationError, which names what is to blame, or
        PayloadTooLargeError."""
        try:
            is_proven, unstructure = self._ways.get(type(value)) or self._way_of(value)
            proven = is_proven(value)
            data = unstructure(value) if proven else self._converter.unstructure(value)
            text = encode(data)
        except (Exception, RecursionError) as error:
            raise self._blame.unwritable(value, self._hint, self._name, error) from error
        self._check_bounds(value, data, text)
        # JSON turns two lone surrogates that make a pair into one character.
        if not proven or has_surrogates(text):
            found = self._difference(value, json.loads(text), self._hint, self._name)
            if found is not None:
                raise self._blame.changed(found)
        return text

    def unchecked(self, value: object) -> str:
        """The JSON of ``value``, without a look at how it comes back."""
        try:
            data = self._converter.unstructure(value)
            text = encode(data)
        except (Exception, RecursionError) as error:
            raise self._blame.unwritable(value, self._hint, self._name, error) from error
        self._check_bounds(value, data, text)
        return text

    def _check_bounds(self, value: object, data: Any, text: str) -> None:
        if len(text) <= 2 * self._depth:
            return  # too short to be nested too deeply or to be too long
        if len(text) > MAX_JSON:
            raise PayloadTooLargeError(
                f"{self._name} is {len(text):,} characters of JSON; at most {MAX_JSON:,} are "
                f"stored. Keep large data in a file or table of your own and report where it is"
            )
        if is_deeper(text, data, self._depth):
            raise self._blame.too_deep(value, self._hint, self._name, self._depth)

    def _way_of(self, value: object) -> _Way:
        """How values of this class are proven, and how proven ones are written."""
        hint = _own_type(value, self._hint)
        check = self._proofs.of(hint)
        unstructure: Callable[[Any], Any] = self._converter.unstructure
        if check is not None and hint is not Any:
            unstructure = self._converter.get_unstructure_hook(hint)
        self._ways[type(value)] = way = (check or _never, unstructure)
        return way

    def _difference(self, value: Any, data: Any, hint: Any, path: str) -> Difference | None:
        """Where ``value`` differs from what ``data`` becomes. An undeclared object comes back as
        data; it is compared with what its own class makes of that data."""
        if hint is Any and isinstance(value, Mapping) and isinstance(data, dict):
            if value.keys() != data.keys():
                return Difference(path, value, data)
            steps = [(f"{path}[{shown(key, 50)}]", value[key], data[key]) for key in value]
        elif hint is Any and isinstance(value, list):
            steps = [(f"{path}[{n}]", item, data[n]) for n, item in enumerate(value)]
        else:
            return self._difference_of_typed(value, data, _own_type(value, hint), path)
        found = (self._difference(item, inner, Any, step) for step, item, inner in steps)
        return next(filter(None, found), None)

    def _difference_of_typed(
        self, value: Any, data: Any, hint: Any, path: str
    ) -> Difference | None:
        try:
            back = self._converter.structure(data, hint)
        except Exception as error:
            raise self._blame.unreadable(hint, data, path, error) from error
        return find_difference(value, back, hint, path)


def _own_type(value: object, hint: Any) -> Any:
    """``hint``, or the class of ``value`` where no type is declared."""
    cls = type(value)
    return cls if hint is Any and (has_fields(cls) or is_pydantic(cls)) else hint


def _never(_: object) -> bool:
    return False
