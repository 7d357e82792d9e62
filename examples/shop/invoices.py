"""The worker that mails invoices, and the mailer that it uses."""

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from bgtasks import BackgroundWorker, BackgroundWorkerContext
from examples.shop.database import Order
from examples.shop.tasks import SendInvoiceTask


class MailError(Exception):
    """The mail was not taken; it may be in a moment."""


class Mailer(Protocol):
    """Sends a mail. Raises MailError."""

    async def send(self, message: EmailMessage) -> None: ...


class Outbox:
    """Stands in for a mail provider: a folder with the mails. A mail that is sent again under its
    id replaces itself, as providers do it with an idempotency key."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    async def send(self, message: EmailMessage) -> None:
        """Write the mail. Raises MailError."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise MailError(f"the outbox cannot be written: {error.strerror}") from error

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        (self._folder / f"{name}.eml").write_bytes(bytes(message))


class SendInvoiceWorker(BackgroundWorker[SendInvoiceTask, None]):
    """Mails one invoice. At least once means perhaps twice, so both steps can be repeated."""

    def __init__(self, session: AsyncSession, mailer: Mailer) -> None:
        self._session = session
        self._mailer = mailer

    async def execute(self, context: BackgroundWorkerContext[SendInvoiceTask, None]) -> None:
        """Mail it, and note that it was mailed."""
        order = await self._session.get_one(Order, context.task.order)
        if order.invoiced_at is not None:
            context.report_status("was mailed before")
            return
        # No transaction is open while the mail goes out; and SQLite refuses one that has read to
        # write once another one has.
        await self._session.commit()
        await self._mailer.send(_invoice(order))
        order.invoiced_at = datetime.now(UTC).replace(tzinfo=None)
        await self._session.commit()
        context.report_status(f"mailed to {order.customer}")


def _invoice(order: Order) -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = f"<invoice-{order.id}@shop.example>"
    message["From"] = "shop@shop.example"
    message["To"] = f"{order.customer}@mail.example"
    message["Subject"] = f"Invoice {order.id}"
    message.set_content(f"{order.product}: {order.cents / 100:.2f}")
    return message
