"""The settings of a host application, checked by name before anything is started."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from attrs import field, fields, frozen

from bgtasks.core.database_url import checked_database, hide_password
from bgtasks.core.durations import EXAMPLES, to_seconds
from bgtasks.core.redaction import redact
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["Settings"]

_LONGEST = 100 * 365 * 86400.0


def _refuse(name: str, value: object, accepted: str) -> SettingsError:
    return SettingsError(f"setting {name!r} is {redact(shown(value, 1000))}; accepted: {accepted}")


def _whole_number(name: str, value: Any, lowest: int, highest: int) -> int:
    accepted = f"a whole number from {lowest:,} to {highest:,}"
    number = value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
        raise _refuse(name, value, accepted)
    return number


def _yes_or_no(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "yes", "on", "1"):
        return True
    if isinstance(value, str) and value.strip().lower() in ("false", "no", "off", "0"):
        return False
    raise _refuse(name, value, "true or false")


def _seconds(name: str, value: Any, highest: float) -> float:
    seconds = to_seconds(value)
    if seconds is None or not 0 <= seconds <= highest:
        raise _refuse(name, value, f"seconds from 0 to {highest:,.0f}, {EXAMPLES}")
    return seconds


def _retention(value: Any) -> timedelta | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in ("none", "never")):
        return None
    return timedelta(seconds=_seconds("retention", value, _LONGEST))


def _statistics_retention(value: Any) -> timedelta:
    seconds = _seconds("statistics_retention", value, 400 * 86_400)
    if seconds < 3 * 86_400:  # more than what is kept by the minute
        raise _refuse("statistics_retention", value, "from 3 to 400 days")
    return timedelta(seconds=seconds)


def _origins(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    accepted = "a list of origins such as 'https://app.example.org'; '*' is not one"
    if not isinstance(value, Sequence):
        raise _refuse("allowed_origins", value, accepted)
    for origin in value:
        if not isinstance(origin, str) or not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise _refuse("allowed_origins", origin, accepted)
    return tuple(origin.lower() for origin in value)


def _types(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    accepted = "names of registered task types, at least one; leave it out for all of them"
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names:
        raise _refuse("types", value, accepted)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise _refuse("types", value, accepted)
    return tuple(dict.fromkeys(name.strip() for name in names))


def _max_concurrency(value: Any) -> int:
    return _whole_number("max_concurrency", value, 1, 10_000)


def _run_tasks(value: Any) -> bool:
    return _yes_or_no("run_tasks", value)


def _publish_interval(value: Any) -> float:
    return _seconds("publish_interval", value, 60.0)


def _max_clients_per_user(value: Any) -> int:
    return _whole_number("max_clients_per_user", value, 1, 10_000)


def _heartbeat_timeout(value: Any) -> float:
    seconds = _seconds("heartbeat_timeout", value, 3600.0)
    if seconds < 1:
        raise _refuse("heartbeat_timeout", value, "seconds from 1 to 3,600")
    return seconds


def _database_connections(value: Any) -> int:
    return _whole_number("database_connections", value, 2, 1_000)


def _stop_grace(value: Any) -> float:
    return _seconds("stop_grace", value, 3600.0)


def _tasks_outside_transactions(value: Any) -> bool:
    return _yes_or_no("tasks_outside_transactions", value)


def _run_schedules(value: Any) -> bool | None:
    return None if value is None else _yes_or_no("run_schedules", value)


@frozen(kw_only=True)
class Settings:
    """How one manager runs. Every field has a default that works.

    - ``database``: a file, ``":memory:"``, or a ``postgresql://`` URL, also as SQLAlchemy writes it
      (``postgresql+asyncpg://``). Its password is never shown, not even in the repr.
    - ``max_concurrency``: attempts running at once in this process, 1 to 10,000.
    - ``run_tasks``: ``False`` for a process that only submits and shows tasks.
    - ``run_schedules``: whether this process submits tasks when the ticks of schedules come;
      ``None``: as ``run_tasks``.
    - ``types``: only tasks of these types are run in this process (a list, or a text with commas);
      ``None`` runs all that are registered.
    - ``publish_interval``: seconds between two reports of one task that are shown, 0 to 60.
    - ``stop_grace``: seconds that running workers get at a stop, 0 to 3,600.
    - ``retention``: how long final tasks are kept (a timedelta); ``None`` keeps them.
    - ``statistics_retention``: how long it is known what happened when (a timedelta), from 3 to 400
      days.
    - ``heartbeat_timeout``: PostgreSQL only: a worker process without a heartbeat for this many
      seconds, 1 to 3,600, counts as dead, and its tasks run again elsewhere.
    - ``database_connections``: PostgreSQL only: connections in this process's pool, 2 to 1,000; one
      more listens.
    - ``tasks_outside_transactions``: SQLite only: ``True`` accepts ``connection=`` for code that is
      written for PostgreSQL, and stores the task at once, whatever becomes of the caller's
      transaction.
    - ``allowed_origins``: origins beside the application's own from which browsers may connect.
    - ``max_clients_per_user``: live connections (websockets and event streams) of one user in this
      process, 1 to 10,000.

    Durations are seconds, a timedelta, or a text such as ``"7 days"``. Every setting may be
    a text, as it comes from the environment. Raises :class:`~bgtasks.SettingsError`, which names
    the setting and what would be accepted.
    """

    database: str = field(
        default="bgtasks.db", converter=checked_database, repr=lambda it: repr(hide_password(it))
    )
    max_concurrency: int = field(default=100, converter=_max_concurrency)
    run_tasks: bool = field(default=True, converter=_run_tasks)
    run_schedules: bool | None = field(default=None, converter=_run_schedules)
    types: tuple[str, ...] | None = field(default=None, converter=_types)
    publish_interval: float = field(default=0.2, converter=_publish_interval)
    stop_grace: float = field(default=10.0, converter=_stop_grace)
    retention: timedelta | None = field(default=timedelta(days=7), converter=_retention)
    statistics_retention: timedelta = field(
        default=timedelta(days=30), converter=_statistics_retention
    )
    heartbeat_timeout: float = field(default=30.0, converter=_heartbeat_timeout)
    database_connections: int = field(default=10, converter=_database_connections)
    tasks_outside_transactions: bool = field(default=False, converter=_tasks_outside_transactions)
    allowed_origins: tuple[str, ...] = field(default=(), converter=_origins)
    max_clients_per_user: int = field(default=30, converter=_max_clients_per_user)

    @property
    def fires(self) -> bool:
        """Whether this process submits the tasks of schedules."""
        return self.run_tasks if self.run_schedules is None else self.run_schedules

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> "Settings":
        """The settings in ``config``, the value of a ``providers.Configuration`` (``None``: all
        defaults). A name that is no setting is refused, so that a misspelling is noticed."""
        if config is None:
            return cls()
        if not isinstance(config, Mapping):
            raise SettingsError(
                f"config is a {type(config).__name__}; expected a mapping of settings"
            )
        known = [attribute.name for attribute in fields(cls)]
        for name in config:
            if name not in known:
                raise SettingsError(
                    f"unknown setting {redact(shown(name))}; accepted: {', '.join(known)}"
                )
        return cls(**config)
