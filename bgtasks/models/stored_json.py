"""JSON of a stored task that stands for its object until somebody reads it."""

from collections.abc import Callable
from typing import Any

__all__ = [
    "JsonField",
    "StoredJson",
]


class StoredJson:
    """Stands for the payload or the result in a snapshot of a stored task. Its JSON ``text`` is
    sent as it is; ``decode`` makes the object once, at the first read."""

    __slots__ = ("_decode", "_object", "text")

    def __init__(self, text: str, decode: Callable[[], Any]) -> None:
        self.text: str = text
        self._decode: Callable[[], Any] | None = decode
        self._object: Any = None

    @property
    def object(self) -> Any:
        """What was stored."""
        if (decode := self._decode) is not None:
            self._object = decode()
            self._decode = None
        return self._object


class JsonField:
    """A field of ``BackgroundTaskInfo`` in which a StoredJson reads as its object."""

    def __init__(self, slot: Any) -> None:
        self.kept: Any = slot.__get__
        self._keep = slot.__set__

    def __get__(self, info: Any, owner: Any = None) -> Any:
        if info is None:
            return self
        kept = self.kept(info)
        return kept.object if type(kept) is StoredJson else kept

    def __set__(self, info: Any, value: Any) -> None:
        self._keep(info, value)
