"""The example shop: its workers with no server, and its routes with a login."""

import csv
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from dependency_injector import providers

from bgtasks import BackgroundTaskStatus
from bgtasks.testing import run_worker, schedule_ticks
from examples.shop.app import create_app
from examples.shop.containers import Application
from examples.shop.database import DaySales, Order
from examples.shop.invoices import MailError
from examples.shop.sample import fill
from examples.shop.settings import settings
from examples.shop.tasks import (
    CloseDayTask,
    DayReport,
    ExportOrdersTask,
    ExportReport,
    SendInvoiceTask,
)
from tests.acceptance.kept_connections import connections_over_a_commit

TODAY = date(2026, 7, 10)
PATIENCE = 20


@pytest.fixture
async def shop(tmp_path: Path) -> Application:
    """The shop with its sample, sixty orders of the twenty days before ``TODAY``."""
    container = Application()
    container.config.from_dict(settings(tmp_path))
    await fill(container.database(), TODAY)
    return container


class BrokenMailer:
    """Takes no mail."""

    async def send(self, message: EmailMessage) -> None:
        raise MailError("try later")


async def test_a_commit_keeps_the_connection_which_a_stop_could_cut_off_while_it_closes(
    shop: Application,
) -> None:
    async with shop.database().session() as session:
        first, second = await connections_over_a_commit(session)
    assert first is second


# ---- Workers ------------------------------------------------------------------------------


async def test_an_export_has_the_customers_orders_of_the_year(shop: Application) -> None:
    run = await run_worker(shop.background_tasks, ExportOrdersTask(customer="bob", year=2026))
    file = shop.export_files().of(run.info.id)
    lines = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert len(lines) == 20
    assert lines[0] == {"order": "3", "date": "2026-07-08", "product": "Notebook", "price": "7.74"}
    assert run.info.result == ExportReport(rows=20, bytes=file.stat().st_size)
    assert [update.progress for update in run.updates] == sorted(
        update.progress for update in run.updates
    )


async def test_an_export_of_another_year_is_empty(shop: Application) -> None:
    run = await run_worker(shop.background_tasks, ExportOrdersTask(customer="ada", year=2020))
    assert run.info.result is not None
    assert run.info.result.rows == 0


async def test_an_invoice_is_mailed_once(shop: Application, tmp_path: Path) -> None:
    for status in ("mailed to ada", "was mailed before"):
        run = await run_worker(shop.background_tasks, SendInvoiceTask(order=1))
        assert run.info.status_message == status
    (mail,) = (tmp_path / "outbox").iterdir()
    assert "Subject: Invoice 1" in mail.read_text()


async def test_an_invoice_that_was_not_taken_is_not_marked(shop: Application) -> None:
    with shop.mailer.override(providers.Object(BrokenMailer())):
        run = await run_worker(shop.background_tasks, SendInvoiceTask(order=1))
    assert isinstance(run.error, MailError)
    async with shop.database().session() as session:
        assert (await session.get_one(Order, 1)).invoiced_at is None


async def test_closing_a_day_again_gives_the_same(shop: Application) -> None:
    for _ in range(2):
        run = await run_worker(shop.background_tasks, CloseDayTask(day=TODAY))
        assert run.info.result == DayReport(day=TODAY, orders=3, cents=9720)
    async with shop.database().session() as session:
        assert (await session.get_one(DaySales, TODAY)).cents == 9720


async def test_days_are_closed_at_three(shop: Application) -> None:
    night = datetime(2026, 7, 10, tzinfo=UTC), datetime(2026, 7, 11, tzinfo=UTC)
    ticks = schedule_ticks(shop.background_tasks, "close-day", after=night[0], before=night[1])
    assert [tick.hour for tick in ticks] == [3]


# ---- Routes -------------------------------------------------------------------------------


class Served:
    """The running shop, and browsers for it, each with its own cookies."""

    def __init__(self, app: Any, container: Application, stack: AsyncExitStack) -> None:
        self._app = app
        self._stack = stack
        self.manager = container.background_tasks().manager()

    async def browser(self, name: str | None = None) -> httpx.AsyncClient:
        """A browser; with a ``name`` somebody has logged in with it."""
        transport = httpx.ASGITransport(self._app, client=("203.0.113.7", 5000))
        client = httpx.AsyncClient(transport=transport, base_url="https://shop.example")
        await self._stack.enter_async_context(client)
        if name is not None:
            answer = await client.post("/api/login", json={"name": name, "password": name})
            assert answer.status_code == 200
        return client


@asynccontextmanager
async def serving(container: Application) -> AsyncIterator[Served]:
    app = create_app(container)
    async with AsyncExitStack() as stack:
        stack.callback(container.unwire)
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield Served(app, container, stack)


@pytest.fixture
async def served(shop: Application) -> AsyncIterator[Served]:
    async with serving(shop) as running:
        yield running


async def exported(served: Served, browser: httpx.AsyncClient) -> Any:
    """The finished export of whoever has logged in with the browser."""
    started = await browser.post("/api/exports", json={"year": 2026})
    assert started.status_code == 202
    await served.manager.wait_for(UUID(started.json()["id"]), PATIENCE)
    return started.json()


@pytest.mark.parametrize(("name", "password"), [("ada", "bob"), ("nobody", "nobody")])
async def test_a_wrong_password_is_refused(served: Served, name: str, password: str) -> None:
    browser = await served.browser()
    answer = await browser.post("/api/login", json={"name": name, "password": password})
    assert (answer.status_code, answer.json()) == (401, {"detail": "wrong name or password"})
    assert (await browser.get("/api/me")).status_code == 401


async def test_without_a_login_there_are_neither_orders_nor_tasks(served: Served) -> None:
    browser = await served.browser()
    assert (await browser.get("/api/orders")).status_code == 401
    assert (await browser.post("/api/invoices")).status_code == 401
    assert (await browser.get("/background-tasks/api/tasks")).status_code == 403


async def test_after_a_logout_it_is_the_same(served: Served) -> None:
    browser = await served.browser("ada")
    assert (await browser.get("/background-tasks/api/tasks")).status_code == 200
    assert (await browser.post("/api/logout")).status_code == 204
    assert (await browser.get("/background-tasks/api/tasks")).status_code == 403


async def test_an_export_is_answered_as_the_hub_sends_it(served: Served) -> None:
    ada = await served.browser("ada")
    task = await exported(served, ada)
    assert (task["type"], task["owner"]) == ("ExportOrdersTask", "ada")
    now = (await ada.get(f"/background-tasks/api/tasks/{task['id']}")).json()
    assert now.keys() == task.keys()
    assert now["result"]["rows"] == 40
    assert "rowsTotal" in (await ada.get("/openapi.json")).text


async def test_a_double_click_makes_one_export(served: Served) -> None:
    ada, bob = await served.browser("ada"), await served.browser("bob")
    first, again = [(await ada.post("/api/exports", json={"year": 2026})).json() for _ in range(2)]
    assert first["id"] == again["id"]
    other = (await bob.post("/api/exports", json={"year": 2026})).json()
    assert other["id"] != first["id"]
    for task in (first, other):
        await served.manager.wait_for(UUID(task["id"]), PATIENCE)


async def test_an_export_is_downloaded_by_whose_it_is_and_by_the_admin(served: Served) -> None:
    ada, bob, grace = [await served.browser(name) for name in ("ada", "bob", "grace")]
    task = await exported(served, ada)
    address = f"/api/exports/{task['id']}/file"
    answer = await ada.get(address)
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(answer.text.splitlines()) == 41
    assert (await grace.get(address)).text == answer.text
    assert (await bob.get(address)).status_code == 404


async def test_customers_see_their_own_tasks_and_the_admin_all(served: Served) -> None:
    ada, bob, grace = [await served.browser(name) for name in ("ada", "bob", "grace")]
    task = await exported(served, ada)
    seen = {}
    for name, browser in (("ada", ada), ("bob", bob), ("grace", grace)):
        page = (await browser.get("/background-tasks/api/tasks")).json()
        seen[name] = [item["id"] for item in page["items"]]
    assert seen == {"ada": [task["id"]], "bob": [], "grace": [task["id"]]}
    assert (await bob.delete(f"/background-tasks/api/tasks/{task['id']}")).status_code == 404


async def test_only_the_admin_runs_the_schedule_and_sees_the_sales(served: Served) -> None:
    ada, grace = await served.browser("ada"), await served.browser("grace")
    address = "/background-tasks/api/schedules/close-day/run"
    assert (await ada.post(address)).status_code == 403
    assert (await ada.get("/api/sales")).status_code == 403
    closed = (await grace.post(address)).json()["lastTask"]
    info = await served.manager.wait_for(UUID(closed), PATIENCE)
    assert info.status is BackgroundTaskStatus.COMPLETED
    assert len((await grace.get("/api/sales")).json()) == 1


async def test_all_invoices_are_mailed_once(served: Served, tmp_path: Path) -> None:
    bob = await served.browser("bob")
    answers = [(await bob.post("/api/invoices")).json() for _ in range(2)]
    assert answers[0] == {"accepted": 20}
    page = await served.manager.get_tasks(type="SendInvoiceTask", limit=100)
    for task in page.items:
        await served.manager.wait_for(task.id, PATIENCE)
    # The second click may come between a mail and its note: that task finds it mailed before.
    assert len(page.items) >= 20
    assert len(list((tmp_path / "outbox").iterdir())) == 20
    assert (await bob.post("/api/invoices")).json() == {"accepted": 0}
