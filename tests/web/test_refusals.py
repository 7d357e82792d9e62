"""Who is let in without authentication, and what the operator is told of those who are not."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection

from bgtasks import BackgroundTaskPolicy, Requester
from bgtasks.settings import Settings

# FAULTS 20 and 21.

PAGE = "docs/how-to/access.md"


@pytest.fixture
def warnings(caplog: Any) -> Any:
    """What the operator was told of refusals, as texts."""
    caplog.set_level(logging.WARNING, "bgtasks.web")

    def told() -> list[str]:
        messages = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        return [text for text in messages if text.startswith("refused")]

    return told


def local(**scope: Any) -> Requester:
    scope = {
        "type": "http",
        "scheme": "http",
        "http_version": "1.1",
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"localhost:8000")],
        **scope,
    }
    return Requester(HTTPConnection(scope))


async def may_connect(requester: Requester) -> bool:
    return await BackgroundTaskPolicy().can_connect(requester)


def with_header(name: str, value: str) -> Requester:
    raw = (name.lower().encode(), value.encode())
    return local(headers=[(b"host", b"localhost:8000"), raw])


async def test_a_developers_browser_is_let_in() -> None:
    assert await may_connect(local())
    assert await may_connect(local(scheme="ws"))
    assert await may_connect(local(http_version="2"))
    assert await may_connect(with_header("Origin", "http://localhost:8000"))


@pytest.mark.parametrize(
    "header",
    [
        *("Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
        *("X-Forwarded-Server", "X-Forwarded-Anything", "X_Forwarded_For", "X-Forwarded"),
        *("X-Real-IP", "X-Envoy-External-Address", "X-Envoy-Expected-Rq-Timeout-Ms"),
        *("CF-Connecting-IP", "CF-Ray", "True-Client-IP", "X-Client-IP", "X-Original-URL"),
        *("X-Original-Host", "X-Cluster-Client-IP", "Fastly-Client-IP", "X-ARR-LOG-ID"),
        *(
            "X-AppEngine-User-IP",
            "X-Azure-ClientIP",
            "X-Amzn-Trace-Id",
            "CloudFront-Viewer-Address",
        ),
        *("Akamai-Origin-Hop", "CDN-Loop", "Client-IP", "X-Remote-Addr", "Ngrok-Trace"),
        *("X-ProxyUser-Ip", "Proxy-Authorization", "Tailscale-User-Login", "Fly-Client-IP"),
        *("X-Forward-For", "X-Forwarder-For", "X-Rewrite-Url", "Client-Cert", "SSL-Client-Verify"),
        *("X-Client-Cert", "X-Auth-Request-User", "Remote-User", "X-Authentik-Username"),
        *("X-WebAuth-User", "X-Pomerium-Jwt-Assertion", "X-Ingress-Path", "X-Request-Start"),
        *("Early-Data", "CDN-Src-IP", "Ali-CDN-Real-IP", "EO-Connecting-IP", "X-Served-By"),
        *("X-AppService-Proto", "X-Gateway-Host", "X-LB-IP", "X-Heroku-Dynos", "X-Railway-Edge"),
    ],
)
async def test_whatever_a_proxy_adds_refuses(header: str) -> None:
    assert not await may_connect(with_header(header, "127.0.0.1"))
    assert not await may_connect(with_header(header, ""))


async def test_http_1_0_is_refused_as_a_bare_proxy_pass_of_nginx_sends_it() -> None:
    assert not await may_connect(local(http_version="1.0"))


@pytest.mark.parametrize(
    ("site", "allowed"),
    [
        ("same-origin", True),
        ("same-site", True),
        ("none", True),
        ("cross-site", False),
        ("Cross-Site", False),
        ("nonsense", False),
        ("", False),
    ],
)
async def test_a_page_of_another_site_is_refused(site: str, allowed: bool) -> None:
    assert await may_connect(with_header("Sec-Fetch-Site", site)) is allowed


@pytest.mark.parametrize(
    ("scheme", "server", "host", "allowed"),
    [
        ("http", ("127.0.0.1", 80), b"localhost", True),
        ("https", ("127.0.0.1", 443), b"localhost", True),
        ("wss", ("127.0.0.1", 443), b"localhost", True),
        ("http", ("127.0.0.1", 8000), b"localhost", False),
        ("http", ("127.0.0.1", 8000), b"localhost:9000", False),
        ("http", ("127.0.0.1", 8000), b"app.localhost:8000", True),
        ("http", ("::1", 8000), b"[::1]:8000", True),
        ("http", None, b"localhost", True),
        ("http", None, b"localhost:8000", False),
        ("http", ("localhost", None), b"localhost", True),
    ],
)
async def test_the_host_must_name_the_port_that_is_listened_on(
    scheme: str, server: Any, host: bytes, allowed: bool
) -> None:
    asking = local(scheme=scheme, server=server, headers=[(b"host", host)])
    assert await may_connect(asking) is allowed


async def test_two_hosts_or_none_are_refused() -> None:
    assert not await may_connect(local(headers=[]))
    assert not await may_connect(local(headers=[(b"host", b"localhost:8000")] * 2))


@pytest.mark.parametrize(
    ("options", "compared"),
    [
        ({"client": ("172.17.0.1", 5000)}, "'172.17.0.1' is not a loopback address"),
        ({"base": "http://wpad"}, "Host 'wpad' is neither localhost"),
        ({"base": "http://localhost.evil.example"}, "'localhost.evil.example'"),
        ({"headers": {"x-forwarded-for": "::1"}}, "the header 'x-forwarded-for'"),
        ({"headers": {"sec-fetch-site": "cross-site"}}, "Sec-Fetch-Site 'cross-site'"),
    ],
)
async def test_the_operator_is_told_once_what_was_compared_and_what_to_read(
    world: Any, warnings: Any, options: Any, compared: str
) -> None:
    async with world.http(**options) as http:
        for _ in range(5):
            answer = await http.get("/api/tasks")
            assert answer.status_code == 403
            assert "evil" not in answer.text
    (line,) = warnings()
    assert compared in line
    assert "no middleware of the application sets request.user" in line
    assert line.endswith(f"see {PAGE}")


async def test_the_hub_tells_the_same_as_the_api_and_not_twice(world: Any, warnings: Any) -> None:
    stranger = ("172.17.0.1", 5000)
    async with world.http(client=stranger) as http:
        assert (await http.get("/api/tasks/events")).status_code == 403
    socket = await world.socket(client=stranger)
    assert (await socket.join()).startswith("44")
    (line,) = warnings()
    assert "'172.17.0.1'" in line


async def test_a_foreign_origin_is_told_with_what_it_was_compared_with(
    make_world: Any, warnings: Any
) -> None:
    world = await make_world(settings=Settings(allowed_origins=["https://app.example.org"]))
    foreign = ("origin", "https://evil.example")
    assert not await world.raw(headers=[foreign]).open()
    async with world.http(headers=dict([foreign])) as http:
        answer = await http.delete("/api/tasks/0193a4e0-0000-7000-8000-000000000000")
        assert answer.status_code == 403
    (line,) = warnings()
    for part in ("'https://evil.example'", "'http://localhost'", "'https://app.example.org'", PAGE):
        assert part in line


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (SimpleNamespace(is_authenticated=False), "is_authenticated is False"),
        (None, "request.user is None"),
        (SimpleNamespace(is_authenticated=lambda: True), "is_authenticated is a function"),
        (SimpleNamespace(is_authenticated=1), "is_authenticated is a value of type int"),
        (SimpleNamespace(), "is_authenticated is False"),
    ],
)
async def test_who_is_not_logged_in_is_refused_and_it_is_told_what_the_user_says(
    make_world: Any, warnings: Any, user: Any, told: str
) -> None:
    world = await make_world(wrap=lambda app: with_user(app, user))
    async with world.http() as http:
        assert (await http.get("/api/tasks")).status_code == 403
    (line,) = warnings()
    assert told in line


def with_user(app: Any, user: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "user": user}, receive, send)

    return wrapped


async def test_a_policy_that_says_no_is_named(
    make_world: Any, warnings: Any, user_header: Any
) -> None:
    class MembersOnly(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            return False

    world = await make_world(policy=MembersOnly(), wrap=user_header)
    async with world.http(headers={"x-user": "ann\r\nINFO forged"}) as http:
        assert (await http.get("/api/tasks")).status_code == 403
    (line,) = warnings()
    assert "MembersOnly.can_connect returned False for user " in line
    assert "\n" not in line


async def test_a_cause_that_goes_on_is_told_again_after_ten_minutes_with_its_count(
    world: Any, warnings: Any, clock: Any
) -> None:
    async with world.http(client=("10.0.0.1", 1)) as http:
        for _ in range(8):
            await http.get("/api/tasks")
        assert len(warnings()) == 1
        clock.advance(600)
        await http.get("/api/tasks")
    assert "7 times more" in warnings()[1]


async def test_a_stranger_cannot_fill_the_log_or_the_memory_with_causes(
    world: Any, warnings: Any, caplog: Any
) -> None:
    for number in range(1000):
        origin = f"https://{number}.example"
        assert not await world.raw(headers=[("origin", origin)], kept=False).open()
    assert len(warnings()) < 60
    assert "the next ones are not logged" in caplog.text
    assert len(world.hub.refusals) <= 256


def nothing_warned(caplog: Any) -> bool:
    return not any("developer's machine only" in r.getMessage() for r in caplog.records)


def starting(world: Any, *middleware: Any) -> None:
    """A host application with this middleware is about to start."""
    world.lifespan(Starlette(middleware=[Middleware(m) for m in middleware]))


async def test_the_start_warns_once_when_nobody_has_to_log_in(make_world: Any, caplog: Any) -> None:
    world = await make_world()
    starting(world, GZipMiddleware)
    starting(world)
    async with world.http() as http:
        await http.get("/api/tasks")
    told = [r for r in caplog.records if "developer's machine only" in r.getMessage()]
    assert [record.levelname for record in told] == ["WARNING"]
    assert PAGE in told[0].getMessage()


async def test_the_start_does_not_warn_with_authentication_or_a_policy(
    make_world: Any, caplog: Any, user_header: Any
) -> None:
    class Own(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            return True

    starting(await make_world(policy=Own()))
    world = await make_world(wrap=user_header)
    for middleware in (AuthenticationMiddleware, user_header):
        starting(world, middleware)
    async with world.http(headers={"x-user": "ann"}) as http:
        await http.get("/api/tasks")
    assert nothing_warned(caplog)


async def test_the_first_request_warns_where_the_start_could_not_tell(
    make_world: Any, caplog: Any
) -> None:
    world = await make_world(wrap=Unknown)
    starting(world, Unknown)
    assert nothing_warned(caplog)
    async with world.http() as http:
        await http.get("/api/tasks")
    assert not nothing_warned(caplog)


class Unknown:
    """A middleware of the application's own, which could do anything."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, *request: Any) -> None:
        await self.app(*request)
