"""Writes values of one type as JSON that comes back equal, or names the part that does not."""

import json
from collections.abc import Mapping
from typing import Any

import cattrs

from bgtasks.core.codec.blame import Blame
from bgtasks.core.codec.comparison import Difference, find_difference
from bgtasks.core.codec.json_text import MAX_JSON, encode, is_deeper, sendable
from bgtasks.core.codec.pydantic_models import is_pydantic
from bgtasks.core.codec.writers import Writer, Writers
from bgtasks.core.hints import has_fields
from bgtasks.core.text import shown
from bgtasks.errors import PayloadTooLargeError

__all__ = ["Encoder", "PayloadEncoder"]


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
        writers: Writers,
        blame: Blame,
    ) -> None:
        self._hint = hint
        self._name = name
        self._depth = depth
        self._short = 2 * depth  # characters: too few to be nested too deeply
        self._converter = converter
        self._writers = writers
        self._blame = blame
        self._writer_of: dict[type, Writer] = {}

    def __call__(self, value: object) -> str:
        """The JSON of ``value``. Raises SerializationError, which names what is to blame, or
        PayloadTooLargeError."""
        try:
            text = (self._writer_of.get(type(value)) or self._new_writer(value))(value)
        except Exception:  # whatever is wrong is found, and named, by the trial
            text = None
        # JSON turns two lone surrogates that make a pair into one character.
        if text is None or "\\ud" in text or (len(text) > self._short and self._is_too_large(text)):
            return self._tried(value)
        return text

    def _is_too_large(self, text: str) -> bool:
        return len(text) > MAX_JSON or is_deeper(text, self._depth)

    def _tried(self, value: object) -> str:
        """The JSON of a value that is not proven: it is read back and compared."""
        text = self.unchecked(value)
        found = self._difference(value, json.loads(text), self._hint, self._name)
        if found is not None:
            raise self._blame.changed(found)
        return text

    def unchecked(self, value: object) -> str:
        """The JSON of ``value``, without a look at how it comes back."""
        try:
            text = encode(self._converter.unstructure(value))
        except Exception as error:
            raise self._blame.unwritable(value, self._hint, self._name, error) from error
        self._check_bounds(value, text)
        return text

    def _check_bounds(self, value: object, text: str) -> None:
        if len(text) > MAX_JSON:
            raise PayloadTooLargeError(
                f"{self._name} is {len(text):,} characters of JSON; at most {MAX_JSON:,} are "
                f"stored. Keep large data in a file or table of your own and report where it is"
            )
        if is_deeper(text, self._depth):
            raise self._blame.too_deep(value, self._hint, self._name, self._depth)

    def _new_writer(self, value: object) -> Writer:
        """How values of this class are written if they are proven."""
        self._writer_of[type(value)] = found = self._writers.of(_own_type(value, self._hint))
        return found

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


class PayloadEncoder(Encoder):
    """Of payloads, which are shown: lone surrogates become ``?``, as in messages. The JSON of
    ``None`` is ``None``: there is no payload."""

    def _tried(self, value: object) -> Any:
        return None if value is None else sendable(super()._tried(value))

    def _new_writer(self, value: object) -> Writer:
        return (lambda _: None) if value is None else super()._new_writer(value)


def _own_type(value: object, hint: Any) -> Any:
    """``hint``, or the class of ``value`` where no type is declared."""
    cls = type(value)
    return cls if hint is Any and (has_fields(cls) or is_pydantic(cls)) else hint
