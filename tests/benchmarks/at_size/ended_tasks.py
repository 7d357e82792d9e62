"""Tasks that have ended within a week, and what was counted of them, as the library would have
written them."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from bgtasks.core.attempts import AttemptRow
from bgtasks.core.flows import COARSE, Flow, FlowKey, bucket_of, minute_of
from bgtasks.core.history import fine_since
from bgtasks.core.record import TaskRecord
from bgtasks.models import BackgroundTaskStatus

__all__ = ["LARGE", "NEEDLE", "TYPES", "EndedTasks"]

TYPES = ("Copy", "Export", "Import", "Report", "Scan", "Thumbnail")
OWNERS = (None, "ada", "grace", "linus")
SHARES = ("photos", "music", "movies", "archive")
STATUSES = (
    *[BackgroundTaskStatus.COMPLETED] * 95,
    *[BackgroundTaskStatus.FAILED] * 3,
    *[BackgroundTaskStatus.CANCELLED] * 2,
)
GROUPS = 40
"""How many kinds of failures there are."""

LARGE = 2_000_000
"""Characters of JSON in the payload of the newest tasks."""

NEEDLE = "needle"
"""A word that the oldest task alone has."""

SPAN = timedelta(days=7)
_ENDS = {
    BackgroundTaskStatus.COMPLETED: Flow.COMPLETED,
    BackgroundTaskStatus.FAILED: Flow.FAILED,
    BackgroundTaskStatus.CANCELLED: Flow.STOPPED,
}
_SMALL = '{"copiedBytes":100,"totalBytes":100,"currentPath":null}'


class EndedTasks:
    """So many tasks, numbered from 1 on; the newest ``large`` of them have a payload of 2 MB."""

    def __init__(self, number: int, large: int) -> None:
        self.number = number
        self.flows: Counter[FlowKey] = Counter()
        """What was counted of those that were made so far."""
        self._newest = datetime.now(UTC) - timedelta(minutes=2)
        self._every = SPAN / number
        self._large = large
        self._payload = _large_payload()
        self._fine_since = fine_since(self._newest)

    @property
    def known_since(self) -> datetime:
        """Since when everything was counted: there was nothing before the first task."""
        return self._newest - timedelta(days=30)

    def __iter__(self) -> Iterator[tuple[TaskRecord, AttemptRow | None]]:
        """Each task, and the row of its attempt where that did not complete."""
        for number in range(1, self.number + 1):
            record = self._record(number)
            self._note(record)
            yield record, self._attempt(record, number)

    def _record(self, number: int) -> TaskRecord:
        status = STATUSES[number % 100]
        created = self._newest - (self.number - number) * self._every
        started = created + timedelta(milliseconds=number * 7 % 900)
        ended = started + timedelta(milliseconds=number * 7919 % 60_000)
        has_failed = status is BackgroundTaskStatus.FAILED
        task_id = UUID(int=int(created.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number)
        is_large = number > self.number - self._large
        return TaskRecord(
            id=task_id,
            type=TYPES[number % len(TYPES)],
            name=f"Copy {NEEDLE if number == 1 else 'movie'} {number}.mkv",
            data=f'{{"id":"{task_id}","source":"/in/{number}.mkv","share":"{SHARES[number % 4]}"}}',
            created_at=created,
            changed_at=ended,
            owner=OWNERS[number % 7 % 4],
            status=status,
            progress=100.0,
            payload=self._payload if is_large else _SMALL,
            status_message=f"movie {number}.mkv",
            error_message=_message(number) if has_failed else None,
            started_at=started,
            completed_at=ended,
            revision=3,
            attempt=1,
            failures=int(has_failed),
            error_group=f"{number % GROUPS:016x}" if has_failed else None,
            failed_at=ended if has_failed else None,
            sequence=number,
        )

    def _note(self, record: TaskRecord) -> None:
        created, started, ended = record.created_at, record.started_at, record.completed_at
        assert started is not None and ended is not None  # noqa: PT018
        self._count(created, record.type, Flow.SUBMITTED, timedelta(0))
        self._count(started, record.type, Flow.STARTED, started - created)
        self._count(ended, record.type, _ENDS[record.status], ended - started)

    def _count(self, at: datetime, name: str, flow: Flow, time: timedelta) -> None:
        minute = minute_of(at)
        if minute < self._fine_since:
            minute -= minute % COARSE
        self.flows[minute, name, flow.value, bucket_of(time)] += 1

    @staticmethod
    def _attempt(record: TaskRecord, number: int) -> AttemptRow | None:
        if record.error_group is None or record.completed_at is None:
            return None
        return AttemptRow(
            attempt=1,
            outcome="failed",
            ended_at=record.completed_at,
            started_at=record.started_at,
            error_type="OSError",
            error_message=record.error_message,
            frame=f"shop/copying.py:{number % GROUPS} in copy",
            traceback="Traceback (most recent call last):\n" + '  File "copying.py"\n' * 30,
            error_group=record.error_group,
        )


def _message(number: int) -> str:
    return f"[Errno {number % GROUPS}] the share does not answer: '/in/{number}.mkv'"


def _large_payload() -> str:
    files: list[str] = []
    size = 0
    for number in count():
        files.append(
            f'{{"path":"/media/in/movie {number}.mkv","size":{number * 7919},"done":true,'
            f'"streams":[{{"codec":"h264","language":null}},{{"codec":"aac","language":"de"}}]}}'
        )
        size += len(files[-1]) + 1
        if size > LARGE - 200:
            break
    text = f'{{"files":[{",".join(files)}]}}'
    assert json.loads(text)
    return text
