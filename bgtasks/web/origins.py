"""Which web pages may talk to us: the check of the ``Origin`` header."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from bgtasks.web.refusal_log import RefusalLog, shown

__all__ = ["OriginCheck", "cors"]

_HTTP_SCHEME = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_DEFAULT_PORT = {"http": 80, "https": 443}


class OriginCheck:
    """Accepts our own origin, those in ``allowed`` and requests that no browser sends from a page
    of another site. The operator is told of those that are refused.

    Browsers name the origin on every websocket and on every unsafe request. What has none is either
    no browser, and carries no cookies that a foreign page could make use of, or says itself in
    ``Sec-Fetch-Site`` where it comes from.
    """

    def __init__(self, allowed: Collection[str], refusals: RefusalLog) -> None:
        self._allowed = {parts for origin in allowed if (parts := _parts(origin))}
        self._refusals = refusals

    def accepts(self, scope: Any) -> bool:
        """Whether the request or handshake with this ASGI ``scope`` may be served."""
        origins = _header(scope, b"origin")
        if not origins:
            return self._accepts_site(_header(scope, b"sec-fetch-site"))
        origin, own = _parts(origins[0]) if len(origins) == 1 else None, _own_origin(scope)
        if origin is not None and (origin in self._allowed or origin == own):
            return True
        allowed = ", ".join(map(_written, sorted(self._allowed))) or "empty"
        self._refusals.note(
            ("origin", *(value[:200] for value in origins[:2])),
            f"refused a page of Origin {shown(', '.join(origins))}: it is neither this "
            f"application's own, {_written(own)} (scheme and Host of the request), nor in the "
            f"setting allowed_origins ({allowed})",
        )
        return False

    def accepts_stream(self, scope: Any) -> bool:
        """The same for an answer that does not end: also a page that could not even read it could
        keep many of them open in its visitor's name."""
        if "no-cors" not in _header(scope, b"sec-fetch-mode"):
            return self.accepts(scope)
        self._refusals.note(
            ("no-cors",),
            "refused an event stream to a page that loads it as an image or a script "
            "(Sec-Fetch-Mode 'no-cors'); accepted: EventSource or fetch",
        )
        return False

    def _accepts_site(self, sites: list[str]) -> bool:
        foreign = [site for site in sites if site.lower() not in ("same-origin", "none")]
        if foreign:
            self._refusals.note(
                ("site", foreign[0][:200]),
                f"refused a request from a page of another site (Sec-Fetch-Site "
                f"{shown(foreign[0])}) that does not name its Origin",
            )
        return not foreign


def cors(allowed: Collection[str]) -> list[Middleware]:
    """What lets pages of the ``allowed`` origins read our answers, with cookies or a bearer token
    (https://fetch.spec.whatwg.org/#http-cors-protocol); nothing where there are none."""
    origins = {_text(parts) for origin in allowed if (parts := _parts(origin))}
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_credentials=True,
            allow_methods=["DELETE", "GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Retry-After"],
        )
    ]


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


def _written(parts: tuple[str, str, int] | None) -> str:
    return "unknown" if parts is None else shown(_text(parts))


def _text(parts: tuple[str, str, int]) -> str:
    """As browsers write an origin."""
    scheme, host, port = parts
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORT[scheme] else f":{port}")
