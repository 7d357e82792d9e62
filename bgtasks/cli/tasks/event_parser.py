"""Server-sent events, from bytes as they come."""

from attrs import frozen

__all__ = ["EventParser", "ServerEvent"]


@frozen
class ServerEvent:
    """One event: its name, ``"message"`` where it has none, and its data."""

    name: str
    data: str


class EventParser:
    """Turns bytes into events of at most ``longest`` bytes. Lines end with LF or CR LF."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._line: list[bytes] = []
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that ``chunk`` completes. Raises ValueError for one that is too long."""
        *ends, rest = chunk.split(b"\n")
        events = []
        for end in ends:
            event = self._take_line(b"".join([*self._line, end]).removesuffix(b"\r"))
            self._line = []
            if event is not None:
                events.append(event)
        if rest:
            self._line.append(rest)
            self._grow(len(rest))
        return events

    def _take_line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._complete()
        self._grow(len(line))
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"data":
            self._data.append(value)
        return None

    def _complete(self) -> ServerEvent | None:
        name, data, had_data = self._name, b"\n".join(self._data), bool(self._data)
        self._name, self._data, self._size = "", [], 0
        if not had_data:
            return None
        return ServerEvent(name or "message", data.decode("utf-8", "replace"))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > 2 * self._longest:  # a line received in parts is counted twice
            raise ValueError(f"an event is longer than {self._longest:,} bytes")
