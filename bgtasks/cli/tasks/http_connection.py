"""HTTP by the standard library: other libraries take longer to be imported than most commands do.

``http.client`` blocks, so each exchange has a thread of its own, and its connection with it.
"""

import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import cached_property, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_exchange import Answer, HttpError
from bgtasks.cli.tasks.http_proxy import proxy_of
from bgtasks.cli.tasks.plain_text import one_line
from bgtasks.concurrency.threads import CallingThread

__all__ = ["HttpConnections"]

CHUNK = 64 * 1024
"""How many bytes are read at a time."""

_IN_PATHS = "/%~!$&'()*+,;=:@"
"""What a path may have as it is; what is percent-encoded stays so."""

T = TypeVar("T")


class HttpConnections:
    """The :class:`Http` of a command. ``connect`` is the longest wait for a connection, in seconds.

    Raises UsageError for a proxy in the environment that cannot be used.
    """

    def __init__(self, address: HttpAddress, connect: float) -> None:
        self._address = address
        self._connect = connect
        url = urlsplit(address.url)
        self._is_secret = url.scheme == "https"
        self._host = (url.hostname or "").encode("idna").decode()
        self._port = url.port or (443 if self._is_secret else 80)
        self._path = url.path
        self._proxy = proxy_of(address)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        route: str,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        silence: float,
    ) -> AsyncGenerator[Answer, None]:
        path = quote(f"{self._path}{route}", safe=_IN_PATHS)
        target = f"{path}?{urlencode(query)}" if query else path
        running = _Exchange(self._connection(), silence)
        try:
            send = partial(self._send, running.connection, method, target, body)
            response = await running.call(partial(running.begin, send))
            headers = {name.lower(): value for name, value in response.getheaders()}
            async with aclosing(running.chunks(response)) as chunks:
                yield Answer(self._address.to(route), response.status, headers, chunks)
        finally:
            running.end()

    def _connection(self) -> HTTPConnection:
        proxy = self._proxy
        at = (self._host, self._port) if proxy is None else (proxy.host, proxy.port)
        if not self._is_secret:
            return HTTPConnection(*at, timeout=self._connect)
        connection = HTTPSConnection(*at, timeout=self._connect, context=self._tls)
        if proxy is not None:
            connection.set_tunnel(self._host, self._port, dict(proxy.headers))
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Certificates take a while to be read.
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _send(
        self, connection: HTTPConnection, method: str, target: str, body: bytes | None
    ) -> None:
        """Blocks."""
        headers = {"User-Agent": "bgtasks", "Accept": "*/*", "Accept-Encoding": "identity"}
        headers["Connection"] = "close"
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if self._proxy is not None and not self._is_secret:
            host = f"[{self._host}]" if ":" in self._host else self._host
            target = f"http://{host}:{self._port}{target}"
            headers |= self._proxy.headers
        given = {name.lower() for name, _ in self._address.headers}
        connection.putrequest(method, target, skip_host="host" in given, skip_accept_encoding=True)
        own = [item for item in headers.items() if item[0].lower() not in given]
        for name, value in (*own, *self._address.headers):
            connection.putheader(name, value)
        connection.endheaders(body)


class _Exchange:
    """A connection, what comes over it, and the thread that waits for that."""

    def __init__(self, connection: HTTPConnection, silence: float) -> None:
        self.connection = connection
        self._silence = silence
        self._socket: socket.socket | None = None
        self._is_over = False
        self._closing: list[Callable[[], None]] = [connection.close]
        self._thread = CallingThread("bgtasks http")

    async def call(self, function: Callable[[], T]) -> T:
        """Make a call in the thread. Raises HttpError where the connection does not serve."""
        try:
            return await self._thread.call(function)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise HttpError(one_line(reason)) from None

    def begin(self, send: Callable[[], None]) -> HTTPResponse:
        """Connect, ``send``, and wait for the head of the answer. Blocks."""
        self.connection.connect()
        # Kept: the connection gives its socket away with the answer.
        self._socket = self.connection.sock
        self._socket.settimeout(self._silence)
        if self._is_over:
            raise ConnectionAbortedError  # whoever asked has left: nothing is sent any longer
        send()
        response = self.connection.getresponse()
        self._closing.append(response.close)
        return response

    async def chunks(self, response: HTTPResponse) -> AsyncGenerator[bytes, None]:
        """The body. Raises HttpError where it ends before its announced end."""
        left = response.length
        while left is None or left > 0:
            wanted = CHUNK if left is None else min(CHUNK, left)
            chunk = await self.call(partial(response.read1, wanted))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            yield chunk
        if left:
            raise HttpError(f"the answer ended {left:,} bytes too early")

    def end(self) -> None:
        """Close the connection, even while the thread waits for what comes over it."""
        self._is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.call(self._close)
        self._thread.stop()

    def _close(self) -> None:
        for close in self._closing:
            with contextlib.suppress(OSError):
                close()
