"""What can be seen of the application that ours is mounted in."""

from typing import Any

from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware

__all__ = ["may_authenticate"]


def may_authenticate(app: Any) -> bool:
    """Whether ``app`` could have a middleware that sets ``request.user``, as far as can be seen."""
    middlewares = getattr(app, "user_middleware", None)
    return middlewares is None or any(
        not _is_known(middleware.cls)
        or issubclass(middleware.cls, AuthenticationMiddleware | BaseHTTPMiddleware)
        for middleware in middlewares
    )


def _is_known(middleware: Any) -> bool:
    return isinstance(middleware, type) and middleware.__module__.startswith(
        ("starlette.middleware.", "bgtasks.web.")
    )
