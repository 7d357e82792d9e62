"""An application's mount address and the headers to send, as a user writes them."""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from attrs import frozen

from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.usage import UsageError
from bgtasks.core.redaction import redact

__all__ = ["HttpAddress"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
MAX_URL = 2_000
"""The longest address, in characters."""


@frozen
class HttpAddress:
    """``url`` is the mount address without a slash at its end; ``headers`` go with each request."""

    url: str
    headers: Sequence[tuple[str, str]]
    is_loopback: bool

    @classmethod
    def parse(cls, url: str, headers: Sequence[str]) -> "HttpAddress":
        """The address in ``url``, with headers such as ``"Authorization: Bearer …"``.

        Raises UsageError, which says what is accepted and never repeats the value of a header.
        """
        host = _host(url)
        return cls(url.rstrip("/"), [_header(header) for header in headers], _is_loopback(host))

    def to(self, route: str) -> str:
        """The URL of a route below the mount address."""
        return f"{self.url}{route}"


def _host(url: str) -> str:
    accepted = (
        "accepted: the address where the application mounts background tasks, "
        "such as http://127.0.0.1:8000/background-tasks"
    )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        host = None
    if host is None or len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise UsageError(f"--url is {one_line(redact(url)[:200])!r}; {accepted}")
    if "@" in parts.netloc:
        raise UsageError("--url has a user name in it; give it with --header 'Authorization: …'")
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(f"--url is {one_line(redact(url)[:200])!r}; {accepted}")
    return host


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip()
    # The value may be a password: it is not shown.
    if not colon or not _NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
        shown = f" {name!r}" if _NAME.fullmatch(name) and colon else ""
        raise UsageError(
            f"--header{shown} cannot be sent; accepted: 'Name: value' in printable ASCII, "
            f"such as 'Authorization: Bearer …'"
        )
    return name, value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
