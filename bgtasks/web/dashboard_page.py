"""The dashboard: one public page and its assets; the data behind it asks the policy."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

__all__ = ["dashboard_routes"]

FOLDER = Path(__file__).parent / "js" / "dashboard" / "dist"
"""The built page; its source is beside it."""

# Asked for anew each time, and answered with 304: the names of the assets never change.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}

# A host that can stand in a policy: no IPv6, which its grammar does not know.
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")


def dashboard_routes() -> list[BaseRoute]:
    """The routes of the dashboard, to be put below the mount point: the page at the mount point
    itself, and ``assets/``.
    """
    page = Route("/", _page)
    # Also the bare mount point, which hosts other than Starlette pass on as an empty path.
    page.path_regex = re.compile("^/?$")
    return [page, Mount("/assets", app=_Assets(directory=FOLDER / "assets"))]


class _Assets(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


def _page(request: Request) -> Response:
    path: str = request.scope["path"]
    if not path.endswith("/"):
        # The page's addresses are relative, so it needs the slash. So is this one: the Host
        # header, and a prefix that a proxy took away, do not matter.
        to = quote(path.rpartition("/")[2]) + "/"
        query = request.url.query
        return RedirectResponse(f"./{to}?{query}" if query else f"./{to}", 307)
    headers = {
        **_HEADERS,
        "Content-Security-Policy": _content_security_policy(request),
        "Referrer-Policy": "no-referrer",
    }
    body = (FOLDER / "index.html").read_bytes()
    return Response(body, media_type="text/html", headers=headers)


def _content_security_policy(request: Request) -> str:
    host = request.headers.get("host", "")
    # To older browsers 'self' is no websocket. A proxy may hide which of the two it is.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"connect-src 'self'{sockets}",
            "img-src 'self' data:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # The browser itself refuses to make HTML of a text.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
