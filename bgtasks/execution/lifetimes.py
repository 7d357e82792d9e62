"""Refuses objects that outlive an attempt and hold what belongs to the attempt."""

from collections.abc import Iterator
from typing import Any

from dependency_injector import providers

from bgtasks.errors import RegistrationError

__all__ = ["refuse_longer_lives"]

Provider = providers.Provider[Any]


def refuse_longer_lives(task_name: str, worker_provider: Provider) -> None:
    """Raise RegistrationError if the worker, or something that it is built on, lives longer than
    an attempt: a worker that attempts share, or a singleton or resource of the application that
    is built on a context-local one. It would keep the closed session of the first attempt.

    Overrides count as they are now.
    """
    for provider in _makers(worker_provider):
        if _is_shared(provider):
            raise RegistrationError(
                f"background_task({task_name}, ...): {_described(provider)} gives all attempts the "
                "same worker, but each needs one of its own: use providers.Factory"
            )
    for provider in _needed(worker_provider):
        if _is_shared(provider) and (inner := _first_local(provider)) is not None:
            raise RegistrationError(
                f"background_task({task_name}, ...): the worker needs {_described(provider)}, "
                f"which all attempts share, but which is built on {_described(inner)}, of which "
                "each attempt has its own. Make the first a providers.Factory or "
                "providers.ContextLocalSingleton, or give it the second as a provider (.provider)"
            )


def _makers(provider: Provider) -> Iterator[Provider]:
    """The providers of which one makes the worker: overrides, defaults and providers that call
    another provider are followed."""
    provider = _effective(provider)
    yield provider
    inner: list[Any] = [getattr(provider, "provides", None)]
    if isinstance(provider, providers.Selector):
        inner = list(provider.providers.values())
    elif isinstance(provider, providers.Dependency):
        inner = [provider.default]
    elif isinstance(provider, providers.Delegate):
        inner = []
    for item in filter(providers.is_provider, inner):
        yield from _makers(item)


def _needed(provider: Provider, seen: set[Provider] | None = None) -> Iterator[Provider]:
    """``provider`` and what is injected below it. The search stops at an injected provider, which
    is called anew each time, and at a container, of which any part may be used."""
    seen = set() if seen is None else seen
    provider = _effective(provider)
    if provider in seen or isinstance(provider, _NOT_ENTERED):
        return
    seen.add(provider)
    yield provider
    for item in provider.related:
        if not providers.is_delegated(item):
            yield from _needed(item, seen)


_NOT_ENTERED = (
    providers.Delegate,
    providers.Container,
    providers.DependenciesContainer,
    providers.Self,
)


def _effective(provider: Provider) -> Provider:
    while (override := provider.last_overriding) is not None:
        provider = override
    return provider


def _first_local(provider: Provider) -> Provider | None:
    return next(filter(_is_local, _needed(provider)), None)


def _is_local(provider: Provider) -> bool:
    return isinstance(provider, providers.ContextLocalSingleton | providers.ContextLocalResource)


def _is_shared(provider: Provider) -> bool:
    shared = isinstance(provider, providers.BaseSingleton | providers.Resource)
    return shared and not _is_local(provider)


def _described(provider: Provider) -> str:
    made = getattr(provider, "provides", None)
    return f"{type(provider).__name__}({getattr(made, '__name__', made)})"
