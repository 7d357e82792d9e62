"""Building a worker from its provider."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from dependency_injector import providers

from bgtasks.clock import Clock

__all__ = ["begin_building", "finish_building", "takes_time"]


class _Unfinished:
    """An object some of whose arguments are still being made.

    dependency-injector would call the constructor from a callback of the event loop, in a copy of
    the attempt's context. An error raised there is passed on only if it is an ``Exception``, and
    a resource opened there by ``@inject`` belongs to nobody.
    """

    def __init__(self, make: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
        self._make = make
        self._values = [*args, *kwargs.values()]
        self._names = list(kwargs)

    async def finish(self, clock: Clock, within: float) -> Any:
        """Wait for the arguments and call the constructor."""
        made: list[Any] = []
        try:
            while self._values:
                made.append(await finish_building(self._values.pop(0), clock, within))
        finally:
            self.discard()
        first = len(made) - len(self._names)
        keywords = dict(zip(self._names, made[first:], strict=True))
        return await finish_building(self._make(*made[:first], **keywords), clock, within)

    def discard(self) -> None:
        """Nobody will wait for the remaining arguments."""
        for value in self._values:
            if isinstance(value, _Unfinished):
                value.discard()
            elif isinstance(value, Coroutine):
                value.close()


def begin_building(provider: Callable[[], Any]) -> Any:
    """What ``provider`` provides or, if that takes time, what ``finish_building`` waits for.

    When this returns, everything that ``provider`` needs has begun to be made.
    """
    used: Any = provider
    while isinstance(used, providers.Provider) and used.last_overriding is not None:
        used = used.last_overriding
    make = used.provides if type(used) in _CALLS and not getattr(used, "attributes", None) else None
    if make is None or _is_injected(make):
        return provider()
    args = [begin_building(value) if _is_injected(value) else value for value in used.args]
    kwargs = {
        name: begin_building(value) if _is_injected(value) else value
        for name, value in used.kwargs.items()
    }
    if any(map(takes_time, args)) or any(map(takes_time, kwargs.values())):
        return _Unfinished(make, args, kwargs)
    return make(*args, **kwargs)


_CALLS = (providers.Factory, providers.Callable)


async def finish_building(value: Any, clock: Clock, within: float) -> Any:
    """The object that ``begin_building`` began, complete. A wait that might never end is limited
    to ``within`` seconds."""
    if isinstance(value, _Unfinished):
        return await value.finish(clock, within)
    if not takes_time(value):
        return value
    if asyncio.isfuture(value) and not isinstance(value, asyncio.Task):
        return await _at_last(value, clock, within)
    return await value


async def _at_last(future: "asyncio.Future[Any]", clock: Clock, within: float) -> Any:
    """What dependency-injector itself assembles from arguments that exist already, such as a list
    or a ContextLocalSingleton. It never resolves a future if something raises other than an
    Exception, so the wait is bounded."""
    timer = clock.call_later(within, functools.partial(_give_up, future, within))
    try:
        return await future
    finally:
        timer.cancel()


def _give_up(future: "asyncio.Future[Any]", within: float) -> None:
    if not future.done():
        future.set_exception(
            TimeoutError(
                f"A dependency was not built within {within:g} seconds; if it raised what is "
                "no Exception, the log of asyncio shows it as 'Exception in callback'"
            )
        )


def takes_time(value: Any) -> bool:
    """Whether dependency-injector would wait for ``value``. Not every awaitable counts: a
    database connection may be one."""
    if not hasattr(type(value), "__await__"):  # the usual case, and fast
        return type(value) is _Unfinished
    return isinstance(value, Coroutine) or asyncio.isfuture(value)


def _is_injected(value: Any) -> bool:
    """Whether ``value`` is a provider whose product is injected, and not ``value`` itself."""
    return bool(providers.is_provider(value)) and not providers.is_delegated(value)
