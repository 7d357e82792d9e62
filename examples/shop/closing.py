"""The worker that adds up a day, each night."""

from datetime import UTC, date, datetime, timedelta

from attrs import asdict
from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bgtasks import BackgroundWorker, BackgroundWorkerContext
from examples.shop.database import DaySales, Order
from examples.shop.tasks import CloseDayTask, DayReport


class CloseDayWorker(BackgroundWorker[CloseDayTask, None, DayReport]):
    """Adding a day up again gives the same."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def execute(self, context: BackgroundWorkerContext[CloseDayTask, None]) -> DayReport:
        """Write the sales of the day."""
        day = context.task.day or _day_before(context.tick or datetime.now(UTC))
        sold = await self._session.execute(
            select(func.count(Order.id), func.total(Order.cents)).where(Order.ordered_on == day)
        )
        orders, cents = sold.one()
        await self._session.commit()
        report = DayReport(day=day, orders=orders, cents=int(cents))
        row = insert(DaySales).values(asdict(report))
        replaced = row.on_conflict_do_update(index_elements=[DaySales.day], set_=row.excluded)
        await self._session.execute(replaced)
        await self._session.commit()
        return report


def _day_before(time: datetime) -> date:
    return (time.astimezone(UTC) - timedelta(days=1)).date()
