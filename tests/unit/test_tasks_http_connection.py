"""What the commands send and read over HTTP, against servers on real sockets."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import field, frozen

from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_connection import HttpConnections
from bgtasks.cli.tasks.http_exchange import HttpError
from bgtasks.cli.tasks.http_tasks import open_http_tasks
from bgtasks.cli.usage import UnavailableError, UsageError

PATIENCE = 10.0
CERTIFICATE = Path(__file__).with_name("tasks_http_server.pem")
FAR = "http://tasks.example/app"

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@frozen
class Server:
    """A server that answers each request with the same bytes, and keeps what it was sent."""

    port: int
    heads: list[str] = field(factory=list)
    bodies: list[bytes] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/app"

    def headers(self) -> list[tuple[str, str]]:
        """Those of the last request."""
        lines = self.heads[-1].split("\r\n")[1:-2]
        return [(line.partition(": ")[0].lower(), line.partition(": ")[2]) for line in lines]


@asynccontextmanager
async def serving(
    answer: bytes, *, then: Respond | None = None, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Server, None]:
    """``then``: what the server does before it closes the connection."""
    at_work = asyncio.TaskGroup()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.create_task(respond(reader, writer))

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        length = int(dict(server.headers()).get("content-length", 0))
        server.bodies.append(await reader.readexactly(length))
        writer.write(answer)
        await writer.drain()
        if then is not None:
            await then(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async with at_work, await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls) as listening:
        server = Server(listening.sockets[0].getsockname()[1])
        yield server


async def asked(
    url: str,
    *headers: str,
    method: str = "GET",
    query: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    silence: float = PATIENCE,
) -> tuple[int, bytes]:
    """The status and the body of what is answered."""
    http = HttpConnections(HttpAddress.parse(url, headers), PATIENCE)
    async with http.exchange(method, "/api/tasks", query, body, silence=silence) as answer:
        return answer.status, b"".join([chunk async for chunk in answer.body])


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_request_is_whole_and_asks_for_no_further_one() -> None:
    async with serving(OK) as server:
        assert await asked(server.url + "/ä%20b", query=(("q", "a b&é"),)) == (200, b"{}")
    assert server.heads[0].startswith("GET /app/%C3%A4%20b/api/tasks?q=a+b%26%C3%A9 HTTP/1.1\r\n")
    assert sorted(server.headers()) == [
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("connection", "close"),
        ("host", f"127.0.0.1:{server.port}"),
        ("user-agent", "bgtasks"),
    ]


async def test_a_body_is_sent_as_json() -> None:
    async with serving(OK) as server:
        await asked(server.url, method="POST", body=b'{"a":1}')
        assert ("content-type", "application/json") in server.headers()
        assert server.bodies == [b'{"a":1}']
        await asked(server.url, method="POST")
        assert server.heads[-1].startswith("POST ")


async def test_headers_of_the_user_come_in_place_of_ours_and_as_often_as_they_are_given() -> None:
    async with serving(OK) as server:
        await asked(server.url, "User-Agent: me", "Host: h.example", "Cookie: a", "Cookie: b")
    sent = server.headers()
    assert [item for item in sent if item[0] in ("user-agent", "host", "cookie")] == [
        *(("user-agent", "me"), ("host", "h.example")),
        *(("cookie", "a"), ("cookie", "b")),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["length", "chunks", "end", "old", "continue"],
)
async def test_an_answer_is_read_however_its_end_is_told(answer: bytes) -> None:
    async with serving(answer) as server:
        assert await asked(server.url) == (200, b"hello")


async def test_an_answer_ends_with_its_length_although_the_server_keeps_the_connection() -> None:
    async def keep(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(OK, then=keep) as server:
        assert await asked(server.url) == (200, b"{}")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        CHUNKED + b"9\r\nhello",
        CHUNKED + b"xyz\r\nhello",
    ],
    ids=["nothing", "other", "long", "short", "cut chunk", "no chunk"],
)
async def test_what_is_no_whole_answer_is_an_error_in_one_line(answer: bytes) -> None:
    async with serving(answer) as server:
        with pytest.raises(HttpError) as told:
            await asked(server.url)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 300


async def test_a_server_that_falls_silent_is_given_up() -> None:
    async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    for answer in (b"", half):
        async with serving(answer, then=wait) as server:
            with pytest.raises(HttpError, match="timed out"):
                await asked(server.url, silence=0.05)


async def test_who_stops_to_listen_closes_the_connection_and_ends_the_thread() -> None:
    asked_for, gone = asyncio.Event(), asyncio.Event()

    async def until_closed(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked_for.set()
        await reader.read()
        gone.set()

    head = b"HTTP/1.1 200 OK\r\n\r\n"
    async with asyncio.timeout(PATIENCE), serving(head, then=until_closed) as server:
        asking = asyncio.create_task(asked(server.url))
        await asked_for.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gone.wait()
    for thread in threading.enumerate():
        if thread.name == "bgtasks http":
            await asyncio.to_thread(thread.join, PATIENCE)
            assert not thread.is_alive()


class TestProxy:
    async def test_is_asked_for_what_is_far_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving(OK) as proxy:
            monkeypatch.setenv("http_proxy", f"http://me:s%40t@127.0.0.1:{proxy.port}")
            assert await asked(FAR) == (200, b"{}")
        assert proxy.heads[0].startswith("GET http://tasks.example:80/app/api/tasks HTTP/1.1\r\n")
        assert ("proxy-authorization", "Basic bWU6c0B0") in proxy.headers()
        assert ("host", "tasks.example:80") in proxy.headers()

    async def test_is_a_tunnel_for_https(self, monkeypatch: pytest.MonkeyPatch) -> None:
        refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        async with serving(refusal) as proxy:
            monkeypatch.setenv("https_proxy", f"me:secret@127.0.0.1:{proxy.port}")
            with pytest.raises(HttpError, match="407 Proxy Authentication Required"):
                await asked("https://tasks.example/app", "Authorization: Bearer t")
        assert proxy.heads[0].startswith("CONNECT tasks.example:443 HTTP/1.")
        assert ("proxy-authorization", "Basic bWU6c2VjcmV0") in proxy.headers()
        assert "Bearer" not in proxy.heads[0]

    async def test_sees_nothing_that_is_for_this_machine_or_excepted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        async with serving(OK) as server:
            assert await asked(server.url) == (200, b"{}")
        monkeypatch.setenv("no_proxy", "tasks.example")
        monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
        HttpConnections(HttpAddress.parse(FAR, []), PATIENCE)

    @pytest.mark.parametrize(
        "url", ["socks5://me:secret@h:1", "https://me:secret@h", "http://", "http://h:secret"]
    )
    async def test_that_cannot_be_used_is_named_without_its_password(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", url)
        with pytest.raises(UsageError, match=r"proxy is .*accepted: http://host:port") as told:
            HttpConnections(HttpAddress.parse(FAR, []), PATIENCE)
        assert "me:secret" not in str(told.value)


class TestHttps:
    @staticmethod
    def context() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        return context

    async def test_serves_where_its_certificate_is_trusted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        async with serving(OK, tls=self.context()) as server:
            for host in ("127.0.0.1", "localhost"):
                url = f"https://{host}:{server.port}/app"
                assert await asked(url, "Authorization: Bearer t") == (200, b"{}")
        assert ("authorization", "Bearer t") in server.headers()

    async def test_gets_nothing_where_it_is_not(self) -> None:
        def accept() -> bytes:
            with listening.accept()[0] as connection:
                try:
                    return self.context().wrap_socket(connection, server_side=True).recv(1)
                except ssl.SSLError:
                    return b""

        with socket.create_server(("127.0.0.1", 0)) as listening:
            accepting = asyncio.create_task(asyncio.to_thread(accept))
            url = f"https://127.0.0.1:{listening.getsockname()[1]}/app"
            with pytest.raises(HttpError, match="certificate verify failed"):
                await asked(url, "Authorization: Bearer t")
            assert await accepting == b""


async def test_an_application_that_answers_nothing_is_said_to_be_unreachable() -> None:
    async with (
        serving(b"") as server,
        open_http_tasks(HttpAddress.parse(server.url, [])) as tasks,
    ):
        with pytest.raises(UnavailableError, match=r"cannot be reached: .*is the application"):
            await tasks.stats()
