"""What the pages ask the shop's database."""

from collections.abc import Sequence

from sqlalchemy import select

from examples.shop.database import Database, DaySales, Order


class Orders:
    """Orders and sales, each in a session of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, customer: str, *, limit: int = 50) -> Sequence[Order]:
        """The newest orders of one customer."""
        query = select(Order).where(Order.customer == customer)
        async with self._database.session() as session:
            found = await session.scalars(query.order_by(Order.id.desc()).limit(limit))
            return found.all()

    async def without_invoice(self, customer: str) -> Sequence[int]:
        """The numbers of the customer's orders whose invoice was not mailed yet."""
        query = select(Order.id).where(Order.customer == customer, Order.invoiced_at.is_(None))
        async with self._database.session() as session:
            return (await session.scalars(query.order_by(Order.id))).all()

    async def sales(self, *, limit: int = 30) -> Sequence[DaySales]:
        """What was sold on the newest days that are closed."""
        async with self._database.session() as session:
            query = select(DaySales).order_by(DaySales.day.desc()).limit(limit)
            return (await session.scalars(query)).all()
