"""Three users and their orders, for a shop that was opened just now."""

from datetime import UTC, date, datetime, timedelta

from examples.shop.database import Database, Order, User
from examples.shop.passwords import hashed

USERS = {"ada": False, "bob": False, "grace": True}
"""Each user's password is the name; ``grace`` runs the shop."""

PRODUCTS = ("Teapot", "Lamp", "Notebook", "Umbrella", "Chair")


async def fill(database: Database, today: date | None = None) -> None:
    """Put the sample into a database that has no users yet."""
    today = today or datetime.now(UTC).date()
    async with database.session() as session:
        if await session.get(User, "ada") is not None:
            return
        session.add_all(User(name=n, password=hashed(n), is_admin=a) for n, a in USERS.items())
        await session.flush()
        for number in range(60):
            session.add(
                Order(
                    customer="bob" if number % 3 == 2 else "ada",
                    product=PRODUCTS[number % len(PRODUCTS)],
                    cents=500 + 137 * number,
                    ordered_on=today - timedelta(days=number % 20),
                )
            )
        await session.commit()
