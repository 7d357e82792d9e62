"""A snapshot on its way to the clients, encoded once for all of them."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any

from bgtasks.models import BackgroundTaskInfo
from bgtasks.serialization import TaskCodec

__all__ = ["Info", "Snapshot", "newness"]

Info = BackgroundTaskInfo[Any]

_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def newness(info: Info) -> tuple[datetime, int]:
    """Of two snapshots of one id, the greater one is the newer.

    Revisions alone tell it, but for an id that is handed in again after its task was pruned.
    """
    return info.created_at, info.revision


class Snapshot:
    """What clients are sent of a task. It is encoded when the first of them needs it; whoever
    comes later, over whatever protocol, gets the same text.
    """

    def __init__(self, info: Info, codec: TaskCodec) -> None:
        self.info = info
        self.packet: Any = None
        """Where the fan-out keeps the packet it made of this snapshot."""
        self._codec = codec

    @cached_property
    def wire(self) -> dict[str, Any]:
        """The snapshot as JSON data."""
        return self._codec.wire(self.info)

    @cached_property
    def text(self) -> str:
        """The snapshot as JSON."""
        return _to_json(self.wire)

    def encode(self) -> None:
        """Encode it now, so that no client finds out later that it cannot be.

        Raises TypeError or ValueError for a payload that is no JSON.
        """
        _ = self.text

    @cached_property
    def event(self) -> bytes:
        """The snapshot as a server-sent event. JSON has no line breaks, so one data line does."""
        info = self.info
        return f"event: TaskUpdated\nid: {info.id}:{info.revision}\ndata: {self.text}\n\n".encode()
