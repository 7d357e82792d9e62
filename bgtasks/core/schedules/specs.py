"""When the ticks of a schedule come: the two kinds of specification, and their stored form."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from bgtasks.core.schedules.cron import Cron
from bgtasks.core.schedules.every import Every
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["Spec", "checked_spec", "jitter_of", "spec_of", "stored_spec"]

Spec = Cron | Every

MICROSECOND = timedelta(microseconds=1)


def checked_spec(value: Any) -> Spec:
    """``value``, if it is a specification. Raises SettingsError."""
    if not isinstance(value, Cron | Every):
        raise SettingsError(
            f"schedule: the specification is {shown(value)}; accepted: Cron('0 3 * * *', "
            "timezone='Europe/Berlin') or Every(minutes=5)"
        )
    return value


def stored_spec(spec: Spec) -> str:
    """The specification as JSON text, the same for equal ones."""
    if isinstance(spec, Cron):
        fields: dict[str, Any] = {"cron": spec.expression, "timezone": spec.timezone}
    else:
        fields = {
            "every": spec.period // MICROSECOND,
            "offset": spec.offset // MICROSECOND,
            "jitter": spec.jitter // MICROSECOND,
        }
    return json.dumps(fields, separators=(",", ":"), sort_keys=True)


def spec_of(text: str) -> Spec:
    """The specification that was stored as ``text``. Raises SettingsError, also for what only a
    newer release can read."""
    try:
        fields = json.loads(text)
        if "cron" in fields:
            return Cron(fields["cron"], timezone=fields["timezone"])
        return Every(
            seconds=fields["every"] / 1_000_000,
            offset=fields["offset"] * MICROSECOND,
            jitter=fields["jitter"] * MICROSECOND,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"the stored specification {shown(text)} cannot be read") from error


def jitter_of(spec: Spec, name: str, tick: datetime) -> timedelta:
    """How much later than ``tick`` its task is submitted: by chance, but for everybody the same."""
    if not spec.jitter:
        return timedelta(0)
    digest = hashlib.sha256(f"{name} {tick.timestamp():.6f}".encode()).digest()
    return spec.jitter * (int.from_bytes(digest[:4], "big") / 2**32)
