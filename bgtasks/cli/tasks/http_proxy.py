"""The proxy that the environment names for an address."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from attrs import frozen

from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.cli.usage import UsageError
from bgtasks.core.redaction import redact

__all__ = ["HttpProxy", "proxy_of"]


@frozen
class HttpProxy:
    """``headers`` are for the proxy alone."""

    host: str
    port: int
    headers: Mapping[str, str]


def proxy_of(address: HttpAddress) -> HttpProxy | None:
    """The proxy for requests to ``address``, as ``http_proxy``, ``https_proxy``, ``all_proxy`` and
    ``no_proxy`` say it, and the system's settings on macOS and Windows.

    Raises UsageError for one that cannot be used.
    """
    if address.is_loopback:
        return None  # a proxy cannot reach this machine, and must not see requests to it
    from urllib.request import getproxies, proxy_bypass  # late: most requests go to this machine

    parts, proxies = urlsplit(address.url), getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or proxy_bypass(parts.netloc):
        return None
    return _parsed(url if "://" in url else f"http://{url}")


def _parsed(url: str) -> HttpProxy:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme != "http":
        raise UsageError(
            f"the environment's proxy is {one_line(redact(url)[:200])!r}; accepted: "
            "http://host:port; no_proxy names what is reached without it"
        )
    return HttpProxy(host, port or 80, _login(parts.username, parts.password))


def _login(name: str | None, password: str | None) -> Mapping[str, str]:
    if name is None:
        return {}
    from base64 import b64encode

    login = f"{unquote(name)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}
