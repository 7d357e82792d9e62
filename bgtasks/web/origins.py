"""From which web pages a browser may talk to us: the ``Origin`` header."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

__all__ = ["OriginCheck"]

_HTTP_SCHEME = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_DEFAULT_PORT = {"http": 80, "https": 443}


class OriginCheck:
    """Accepts our own origin, those in ``allowed`` and requests that have no ``Origin``.

    Browsers name the origin on every websocket and on every unsafe request; what does not is no
    browser, and carries no cookies that a foreign page could make use of.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = {parts for origin in allowed if (parts := _parts(origin))}

    def accepts(self, scope: Any) -> bool:
        """Whether the request or handshake with this ASGI ``scope`` may be served."""
        origins = _header(scope, b"origin")
        if not origins:
            return True
        origin = _parts(origins[0]) if len(origins) == 1 else None
        if origin is None:
            return False
        return origin in self._allowed or origin == _own_origin(scope)


def _own_origin(scope: Any) -> tuple[str, str, int] | None:
    hosts = _header(scope, b"host")
    scheme = _HTTP_SCHEME.get(scope.get("scheme", "http"), "")
    return _parts(f"{scheme}://{hosts[0]}") if len(hosts) == 1 else None


def _header(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _parts(origin: str) -> tuple[str, str, int] | None:
    """``https://Example.org`` → ``("https", "example.org", 443)``; ``None`` if it is no origin."""
    try:
        url = urlsplit(origin)
        port = url.port
    except ValueError:
        return None
    scheme = url.scheme.lower()
    extra = url.path or url.query or url.fragment or url.username or url.password
    if scheme not in _DEFAULT_PORT or not url.hostname or extra:
        return None
    return scheme, url.hostname, port if port is not None else _DEFAULT_PORT[scheme]
