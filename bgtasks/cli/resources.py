"""What a host's container has opened and nobody else would close."""

import inspect
from typing import Any

from dependency_injector import providers

__all__ = ["shut_down_resources"]


async def shut_down_resources(container: Any) -> None:
    """Shut down every ``providers.Resource`` in ``container`` that was initialised; raises what
    the first of them raises. A container class and an instance of one will do."""
    if (shut_down := getattr(container, "shutdown_resources", None)) is not None:
        await _done(shut_down())
        return
    # A class, whose providers were used without making an instance of it.
    for resource in container.traverse(types=[providers.Resource]):
        if resource.initialized:
            await _done(resource.shutdown())


async def _done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
