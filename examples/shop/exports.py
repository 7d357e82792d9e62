"""The worker that writes a customer's orders to a file."""

import asyncio
import csv
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bgtasks import BackgroundWorker, BackgroundWorkerContext
from examples.shop.database import Order
from examples.shop.tasks import ExportOrdersTask, ExportProgress, ExportReport

COLUMNS = ("order", "date", "product", "price")


class ExportFiles:
    """Where exports are kept: a file for each task, named after it."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def of(self, task_id: UUID) -> Path:
        """The file of a task, whether it is there or not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{task_id}.csv"


class ExportOrdersWorker(BackgroundWorker[ExportOrdersTask, ExportProgress, ExportReport]):
    """Runs again from the beginning where it was cut off: the file gets its name at the end."""

    def __init__(self, session: AsyncSession, files: ExportFiles, pause: float) -> None:
        """``pause``: seconds after each row, for a demonstration that can be watched."""
        self._session = session
        self._files = files
        self._pause = pause

    async def execute(
        self, context: BackgroundWorkerContext[ExportOrdersTask, ExportProgress]
    ) -> ExportReport:
        """Write the file."""
        wanted = _orders_of(context.task)
        total = await self._session.scalar(select(func.count(Order.id)).where(*wanted)) or 0
        orders = await self._session.stream_scalars(select(Order).where(*wanted).order_by(Order.id))
        file = self._files.of(context.task.id)
        written, part = 0, file.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(COLUMNS)
            async for order in orders:
                rows.writerow([order.id, order.ordered_on, order.product, _price(order.cents)])
                written += 1
                progress = ExportProgress(rows_written=written, rows_total=total)
                context.report_progress(100 * written / total, payload=progress)
                await asyncio.sleep(self._pause)
        part.replace(file)
        return ExportReport(rows=written, bytes=file.stat().st_size)


def _orders_of(task: ExportOrdersTask) -> tuple[ColumnElement[bool], ...]:
    in_the_year = func.strftime("%Y", Order.ordered_on) == str(task.year)
    return Order.customer == task.customer, in_the_year


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
