"""How the log of a task is kept: in rows of many lines each, of which the oldest are dropped."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from json.encoder import encode_basestring
from typing import Any

from attrs import evolve, frozen

from bgtasks.core.task_log import LogLine, Logs, TaskLog
from bgtasks.core.text import clean, without_surrogates

__all__ = [
    "MAX_LINES",
    "MAX_READ",
    "OF_TASK",
    "Line",
    "LogChunk",
    "NewLines",
    "StoredLog",
    "encode_line",
    "encode_lines",
    "end_of_line",
    "microseconds",
    "next_chunks",
    "stored_log",
]

MAX_LINES = 1_000
"""The most lines that are read at a time."""

MAX_READ = 512 * 1024
"""Bytes of lines that are read at a time; the last row may go beyond."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Line = str
"""A line as it is kept, but for what no store takes: that is looked for in many together. A text,
since the garbage collector does not walk through texts."""

MAX_LOGGER = 200
"""The longest name of a logger that is kept, in characters."""

OF_TASK = ",null]"
"""How a line ends that is of the task itself: one that the worker says to whoever watches."""

_LENGTH = len(OF_TASK)

_quoted = encode_basestring
_NUL = "\\u0000"
_WRITTEN_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""With the pairs of backslashes before it: behind one that is left over, it is no escape."""


def end_of_line(logger: str) -> str:
    """How a line of a logger ends, which is for operators."""
    return f",{_quoted(clean(logger, MAX_LOGGER))}]"


def encode_line(at: int, level: str, message: str, end: str = OF_TASK) -> Line:
    """A line of a time in microseconds since 1970, with a message of at most 4,000 characters.
    ``end`` is what ``end_of_line`` returns for its logger."""
    return f'[{at},"{level}",{_quoted(message)}{end}'


def microseconds(at: datetime) -> int:
    """A time in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


@frozen
class NewLines:
    """Lines that an attempt has logged one after the other. ``size`` is the least that they take,
    in bytes: characters that take more than one are looked at later.

    ``start`` is how many it had logged before them. Those in between that are in no ``NewLines``
    were dropped: ``dropped_of_task`` of them right before these are lines of the task itself.
    """

    start: int
    lines: Sequence[Line]
    size: int
    dropped_of_task: int = 0

    @classmethod
    def of(cls, start: int, lines: Sequence[Line], dropped_of_task: int = 0) -> "NewLines":
        """The same, where their size is not known."""
        return cls(start, lines, sum(map(len, lines)) + len(lines), dropped_of_task)

    @property
    def end(self) -> int:
        """How many the attempt has logged with these."""
        return self.start + len(self.lines)

    def before(self, newer: "NewLines") -> "NewLines":
        """These together with the next ones of the attempt."""
        if newer.start == self.end:
            lines, size = [*self.lines, *newer.lines], self.size + newer.size
            return NewLines(self.start, lines, size, self.dropped_of_task)
        dropped = self.dropped_of_task + _of_task(self.lines)
        return evolve(newer, dropped_of_task=newer.dropped_of_task + dropped)

    def within(self, logs: Logs) -> "NewLines":
        """The newest of them, as many as are kept at most."""
        if len(self.lines) <= logs.lines and self.size <= logs.size:
            return self
        size, first = 0, len(self.lines)
        for line in reversed(self.lines[-logs.lines :]):
            size += len(line) + 1
            if size > logs.size and first < len(self.lines):
                break
            first -= 1
        dropped = self.dropped_of_task + _of_task(self.lines[:first])
        return NewLines.of(self.start + first, self.lines[first:], dropped)


def _of_task(lines: Sequence[Line]) -> int:
    """How many of the lines are of the task itself."""
    return [line[-_LENGTH:] for line in lines].count(OF_TASK)


@frozen
class LogChunk:
    """Some lines of a task, those with the numbers ``first`` to ``last``, as a row beside it.

    ``until`` is how many lines its ``attempt`` has logged with them: what is written twice, because
    an answer was lost, is known by it. When it was written, lines before ``kept_from`` were no
    longer kept; all lines of the task so far had ``total`` bytes, these ``size``, and ``of_task``
    of them were of the task itself. ``lines`` is a JSON list.
    """

    first: int
    last: int
    attempt: int
    until: int
    kept_from: int
    of_task: int
    total: int
    size: int
    lines: str

    def decoded(self) -> Iterator[LogLine]:
        """The lines."""
        for number, (at, level, message, logger) in enumerate(json.loads(self.lines), self.first):
            source: Any = "task" if logger is None else "logging"
            time = _EPOCH + timedelta(microseconds=at)
            yield LogLine(number, time, level, message, source, logger)


_NOTHING = LogChunk(
    first=0, last=0, attempt=0, until=0, kept_from=1, of_task=0, total=0, size=0, lines=""
)


def next_chunks(newest: LogChunk | None, attempt: int, new: NewLines, logs: Logs) -> list[LogChunk]:
    """The rows for new lines of an attempt, behind the ``newest`` row of its task. Of lines that
    take more than is kept, the oldest are in no row."""
    at = newest or _NOTHING
    logged = at.until if at.attempt == attempt else 0
    if new.end <= logged:
        return []  # they are written already
    lines = new.lines[max(logged - new.start, 0) :]
    start = max(new.start, logged)
    number, of_task = at.last + start - logged, at.of_task
    of_task += new.dropped_of_task if new.start >= logged else 0
    chunks, total = [], at.total
    for part, text, size in _parts(lines, new.size, logs.size // 8):
        first, number, start = number + 1, number + len(part), start + len(part)
        of_task += _of_task(part) if OF_TASK in text else 0
        total += size
        chunks.append(
            LogChunk(
                first=first,
                last=number,
                attempt=attempt,
                until=start,
                kept_from=max(at.kept_from, number - logs.lines + 1),
                of_task=of_task,
                total=total,
                size=size,
                lines=text,
            )
        )
    kept = [chunk for chunk in chunks if chunk.total - chunk.size >= total - logs.size]
    return kept or chunks[-1:]


def _parts(
    lines: Sequence[Line], size: int, limit: int
) -> Iterator[tuple[Sequence[Line], str, int]]:
    """The lines, of about ``size`` bytes, in parts of about ``limit`` bytes: of one line at least,
    and of twice as many bytes at most. Each as it is kept, with its bytes."""
    length = -(-len(lines) // (size // limit + 1))
    for first in range(0, len(lines), length):
        part = lines[first : first + length]
        text = encode_lines(part)
        taken = len(text) if text.isascii() else len(text.encode())
        if taken > 2 * limit and len(part) > 1:  # it has many characters of several bytes
            yield from _parts(part, taken, limit)
        else:
            yield part, text, taken


def encode_lines(lines: Sequence[Line]) -> str:
    """Lines as they are kept: a JSON list, in which there is nothing that a store does not take.
    That is looked for in all of them together, as nearly always there is none."""
    text = f"[{','.join(lines)}]"
    if _NUL in text:  # the character NUL, or what looks like it
        text = _WRITTEN_NUL.sub("\\1\N{REPLACEMENT CHARACTER}", text)
    return without_surrogates(text)


@frozen
class StoredLog:
    """What was read of a task's log: ``lines`` behind the number ``after``, of all sources.

    ``first`` is the oldest that is kept. ``last`` is the newest that was read, or that there is if
    none was. ``dropped_of_task`` lines of the task itself are no longer there; ``None``: that is
    not known.
    """

    lines: Sequence[LogLine] = ()
    first: int = 1
    last: int = 0
    after: int = 0
    dropped_of_task: int | None = 0

    def of_everything(self) -> TaskLog:
        """All lines, for operators."""
        shown: list[LogLine] = []
        number = self.after
        for line in self.lines:
            if line.number > number + 1:
                shown.append(_gap(line, line.number - number - 1))
            shown.append(line)
            number = line.number
        return TaskLog(tuple(shown), self.first, self.last)

    def of_task(self) -> TaskLog:
        """The lines for whoever watches the task."""
        lines = [line for line in self.lines if line.source == "task"]
        if self.lines and self.after + 1 < self.first and self.dropped_of_task != 0:
            lines.insert(0, _gap(self.lines[0], self.dropped_of_task))
        return TaskLog(tuple(lines), self.first, self.last)


def _gap(following: LogLine, count: int | None) -> LogLine:
    """A line in place of those that were dropped."""
    lines = "Older lines" if count is None else "1 line" if count == 1 else f"{count:,} lines"
    were = "was" if count == 1 else "were"
    return LogLine(following.number - 1, following.at, "info", f"{lines} {were} dropped here")


def stored_log(
    newest: LogChunk | None, first: int, chunks: Sequence[LogChunk], after: int
) -> StoredLog:
    """What was read of a task: the ``newest`` row, the ``first`` number of the oldest one, and the
    first of the rows that have lines behind ``after``."""
    if newest is None:
        return StoredLog(after=after)
    kept_from = max(newest.kept_from, first)
    wanted = max(after + 1, kept_from)
    found = chain.from_iterable(map(LogChunk.decoded, chunks))
    lines = [line for line in found if line.number >= wanted][:MAX_LINES]
    dropped = None if after or not chunks else _dropped_of_task(chunks[0], kept_from)
    return StoredLog(lines, kept_from, lines[-1].number if lines else newest.last, after, dropped)


def _dropped_of_task(oldest: LogChunk, kept_from: int) -> int:
    """How many lines of the task itself are no longer kept, by the oldest row that is there."""
    own = [line for line in oldest.decoded() if line.source == "task"]
    return oldest.of_task - len(own) + sum(line.number < kept_from for line in own)
