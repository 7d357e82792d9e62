"""Pages of other origins: they read what ``allowed_origins`` lets them read, on every route."""

from typing import Any

import pytest

from bgtasks.settings import Settings

APP = "https://app.example.org"
ALLOWED = {"origin": APP}
FOREIGN = {"origin": "https://evil.example"}


@pytest.fixture
async def world(make_world: Any) -> Any:
    return await make_world(settings=Settings(allowed_origins=["https://APP.example.org:443"]))


def is_readable(answer: Any) -> bool:
    """Whether a browser hands the answer, which it asked for with cookies, to the page."""
    headers = answer.headers
    told = [headers.get(f"access-control-allow-{what}") for what in ("origin", "credentials")]
    return told == [APP, "true"]


@pytest.mark.parametrize(
    "path",
    ["/api/tasks", "/api/health", "/api/nothing", "/client/dist/index.js", ""],
)
async def test_an_allowed_page_reads_every_answer(world: Any, path: str) -> None:
    async with world.http() as http:
        answer = await http.get(path, headers=ALLOWED)
        assert is_readable(answer)
        assert "origin" in answer.headers["vary"].lower()
        assert not is_readable(await http.get(path, headers=FOREIGN))


async def test_an_allowed_page_reads_one_task_and_why_there_is_none(
    world: Any, manager: Any
) -> None:
    async with world.http() as http:
        assert is_readable(await http.get(f"/api/tasks/{manager.add().id}", headers=ALLOWED))
        refused = await http.get("/api/tasks/none", headers=ALLOWED)
        assert refused.status_code == 400
        assert is_readable(refused)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_browser_that_asks_first_is_told_yes(world: Any, method: str) -> None:
    asked = {
        "access-control-request-method": method,
        "access-control-request-headers": "authorization, content-type, idempotency-key",
    }
    async with world.http() as http:
        answer = await http.options("/api/tasks", headers=ALLOWED | asked)
        assert answer.status_code == 200
        assert is_readable(answer)
        assert not is_readable(await http.options("/api/tasks", headers=FOREIGN | asked))


async def test_without_allowed_origins_no_foreign_page_reads_anything(make_world: Any) -> None:
    world = await make_world()
    async with world.http() as http:
        for path in ("/api/tasks", "/client/dist/index.js"):
            answer = await http.get(path, headers=ALLOWED)
            assert not [name for name in answer.headers if name.startswith("access-control")]
