"""How long final tasks are kept, by type and status."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from bgtasks.core.durations import EXAMPLES, Duration, to_length
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError
from bgtasks.models import BackgroundTaskStatus

__all__ = ["PruneRule", "Retention", "rules_of"]

LONGEST = timedelta(days=100 * 365)

Status = BackgroundTaskStatus
Kind = tuple[str, Status]


def _kept(name: str, value: Any) -> timedelta | None:
    if value is None:
        return None
    length = to_length(value, LONGEST)
    if length is None:
        raise SettingsError(
            f"Retention({name}={shown(value)}): accepted: seconds from 0 to "
            f"{LONGEST.total_seconds():,.0f}, {EXAMPLES}; None: as the setting retention says"
        )
    return length


def _completed(value: Duration | None) -> timedelta | None:
    return _kept("completed", value)


def _failed(value: Duration | None) -> timedelta | None:
    return _kept("failed", value)


def _cancelled(value: Duration | None) -> timedelta | None:
    return _kept("cancelled", value)


@frozen(kw_only=True)
class Retention:
    """How long the final tasks of a type are kept, each by how it ended.

    Each is seconds, a timedelta, or a text such as ``"90 days"``, at most 100 years; ``None``: as
    the setting ``retention`` says. Raises SettingsError, which names the status.
    """

    completed: timedelta | None = field(default=None, converter=_completed)
    failed: timedelta | None = field(default=None, converter=_failed)
    cancelled: timedelta | None = field(default=None, converter=_cancelled)

    def of(self, status: Status) -> timedelta | None:
        """How long tasks with this final status are kept; ``None``: not said here."""
        return {
            Status.COMPLETED: self.completed,
            Status.FAILED: self.failed,
            Status.CANCELLED: self.cancelled,
        }[status]


@frozen
class PruneRule:
    """What is dropped after ``age``: tasks of these ``kinds``, or all ``others``. What became final
    before ``since`` was looked at, and may be passed over."""

    age: timedelta
    kinds: tuple[Kind, ...] = ()
    others: bool = True
    since: datetime | None = None


def rules_of(
    retention: timedelta | None, of_types: Mapping[str, Retention | None]
) -> list[PruneRule]:
    """The rules for a setting, where some types have their own."""
    by_age: dict[timedelta, list[Kind]] = {}
    for name, own in of_types.items():
        for status in filter(lambda item: item.is_final, Status):
            if own is not None and (age := own.of(status)) is not None:
                by_age.setdefault(age, []).append((name, status))
    rules = [PruneRule(age, tuple(kinds), others=False) for age, kinds in by_age.items()]
    if retention is not None:
        said = tuple(kind for kinds in by_age.values() for kind in kinds)
        rules.append(PruneRule(retention, said))
    return rules
