"""When an attempt that failed is followed by another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from bgtasks.core.checks import LONGEST_SECONDS, in_seconds, number, seconds, whole
from bgtasks.core.text import shown
from bgtasks.errors import SettingsError

__all__ = ["NO_RETRY", "Retry", "retry_or_none"]


def _exception_types(value: Any) -> tuple[type[Exception], ...]:
    types = tuple(value) if isinstance(value, (tuple, list, set, frozenset)) else (value,)
    for item in types:
        if not (isinstance(item, type) and issubclass(item, Exception)):
            raise SettingsError(
                f"Retry(on=...) has {shown(item)}; expected subclasses of Exception"
            )
    return types


@frozen
class Retry:
    """When an attempt that failed is followed by another.

    There are at most ``max_attempts`` attempts in all (1 to 1,000). The wait before the next is
    ``backoff`` seconds, times ``factor`` for each earlier failure, at most ``max_backoff``. The
    wait is then changed at random by up to ``jitter`` (0 to 1: a fraction of it) either way, so
    that tasks which failed together are not retried together. Only exceptions of the types in
    ``on`` are retried. Waits are seconds, a timedelta, or a text such as ``"10 m"``.
    """

    max_attempts: int = field(default=3, validator=whole(1, 1000))
    backoff: float = field(
        default=1.0, converter=in_seconds, validator=seconds(0, LONGEST_SECONDS), kw_only=True
    )
    factor: float = field(default=2.0, validator=number(1, 100), kw_only=True)
    max_backoff: float = field(
        default=300.0, converter=in_seconds, validator=seconds(0, LONGEST_SECONDS), kw_only=True
    )
    jitter: float = field(default=0.1, validator=number(0, 1), kw_only=True)
    on: tuple[type[Exception], ...] = field(
        default=(Exception,), converter=_exception_types, kw_only=True
    )

    def wait_after(
        self, failures: int, error: BaseException, uniform: Callable[[float, float], float]
    ) -> timedelta | None:
        """How long to wait after the ``failures``-th failure (from 1); ``None``: no more attempts.

        ``uniform(a, b)`` returns a random number between its arguments, as ``random.uniform`` does.
        """
        if failures >= self.max_attempts or not isinstance(error, self.on):
            return None
        # Beyond 2**64 the cap has long been reached; the bound keeps the power finite.
        wait = min(self.backoff * self.factor ** min(failures - 1, 64), self.max_backoff)
        return timedelta(seconds=wait * uniform(1 - self.jitter, 1 + self.jitter))


NO_RETRY = Retry(max_attempts=1)


def retry_or_none(value: Retry | None) -> Retry:
    return NO_RETRY if value is None else value
