"""Whether a request comes from the machine that the server runs on, as a developer's does."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bgtasks.web.refusal_log import shown

__all__ = ["is_loopback", "why_not_on_this_machine"]

_PROXY_HEADERS = frozenset(
    {
        *("via", "forwarded", "client-ip", "x-client-ip", "true-client-ip", "front-end-https"),
        *("surrogate-capability", "max-forwards", "disguised-host", "early-data", "gap-auth"),
        *("do-connecting-ip", "eo-connecting-ip", "x-port", "x-proto", "x-https", "x-served-by"),
    }
)
_PROXY_PREFIXES = (
    # Named for what they tell ...
    *("x-forward", "forwarded-", "x-real-", "x-cluster-", "x-original", "x-rewrite-"),
    *("client-cert", "x-client-cert", "ssl-client-", "x-request-start", "x-server-name"),
    *("remote-", "x-auth-request-", "x-webauth-", "x-authenticated-", "x-coming-from"),
    *("x-gateway", "x-backend", "x-ingress", "x-lb-", "x-http-host"),
    *("x-originating-", "x-remote-", "x-proxy", "proxy-", "x-host", "x-scheme", "x-url-scheme"),
    *("x-ssl-", "x-tls-", "x-cdn", "cdn-", "x-edge-"),
    # ... and for who tells it.
    *("x-envoy-", "cf-", "cloudfront-", "x-arr-", "x-appengine-", "x-azure-", "x-fd-"),
    *("x-amzn-", "x-amz-cf-", "x-cloud-trace-", "x-google-", "x-goog-", "akamai-", "x-akamai-"),
    *("fastly-", "fly-", "x-vercel-", "x-nf-", "x-sucuri-", "x-varnish", "x-haproxy", "x-nginx-"),
    *("x-traefik", "x-bluecoat-", "x-squid-", "x-wap-", "wl-proxy-", "x-waws-", "x-ms-client-"),
    *("x-authentik-", "x-pomerium-", "x-appservice-", "ali-", "x-nws-", "x-ccdn-"),
    *("x-heroku-", "x-railway-", "x-replit-", "rndr-", "x-gitpod", "x-codespaces"),
    *("incap-", "x-iinfo", "tailscale-", "ngrok-", "x-kong-", "x-consumer-", "x-istio-"),
)

_HOST = re.compile(r"(?:\[([0-9a-f.]*:[0-9a-f:.]*)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORT = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_OWN_SITES = ("same-origin", "same-site", "none")

_LOOPBACK = "a loopback address (127.0.0.0/8 or ::1)"


def why_not_on_this_machine(scope: Mapping[str, Any]) -> str | None:
    """What shows that the request or handshake with this ASGI ``scope`` may come from elsewhere,
    in words for the operator; ``None`` for a client on this machine that comes directly, under a
    name that cannot be somebody else's.

    A proxy on this machine speaks for somebody who may be anywhere, so the slightest sign of one
    is enough. The ``Host`` is looked at because a page of ``evil.example``, a name that can be made
    to point at 127.0.0.1, is same-origin with us in the eyes of a browser.
    """
    client = scope.get("client")
    if not client:
        return "the client has no address, as over a Unix socket"
    if not is_loopback(client[0]):
        return f"the client's address {shown(client[0])} is not {_LOOPBACK}"
    names = [name.decode("latin-1") for name, _ in scope["headers"]]
    if (sign := next(filter(_tells_of_a_proxy, names), None)) is not None:
        return f"the header {shown(sign)} is one that a proxy adds"
    if str(scope.get("http_version", "1.1")) in ("0.9", "1.0"):
        return "the request is HTTP/1.0, as a proxy speaks it and no browser does"
    for site in _values(scope, b"sec-fetch-site"):
        if site.strip().lower() not in _OWN_SITES:
            return f"Sec-Fetch-Site {shown(site)} tells of a page of another site"
    return _why_foreign_host(_values(scope, b"host"), scope)


def _why_foreign_host(hosts: list[str], scope: Mapping[str, Any]) -> str | None:
    if len(hosts) != 1:
        return f"the request has {len(hosts)} Host headers instead of one"
    match = _HOST.fullmatch(hosts[0].lower())
    address, name, port = match.groups() if match else (None, "", None)
    if not (is_loopback(address) if address else _is_local_name(name)):
        return (
            f"Host {shown(hosts[0])} is neither localhost, nor a name that ends with .localhost, "
            f"nor {_LOOPBACK}"
        )
    default = _DEFAULT_PORT.get(scope.get("scheme", "http"), 80)
    listening = (scope.get("server") or (None, None))[1]
    expected = default if listening is None else listening
    if (int(port) if port else default) != expected:
        return (
            f"Host {shown(hosts[0])} does not name port {expected}, which is listened on, as where "
            "a development server passes requests on"
        )
    return None


def _is_local_name(name: str) -> bool:
    labels = name.split(".")
    if labels[-1] == "localhost":  # no name of the public DNS
        return all(labels)
    return is_loopback(name)


def is_loopback(host: Any) -> bool:
    """Whether ``host`` is the text of an address of this machine that no other one reaches."""
    if not isinstance(host, str) or "%" in host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _tells_of_a_proxy(header: str) -> bool:
    name = header.lower().replace("_", "-")
    return name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIXES)


def _values(scope: Mapping[str, Any], name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]
