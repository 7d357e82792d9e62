"""Whether a session of SQLAlchemy keeps its connection."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

__all__ = ["connections_over_a_commit"]


async def connections_over_a_commit(session: AsyncSession) -> tuple[Any, Any]:
    """The driver's connections before and after."""
    connections = []
    for _ in range(2):
        connection = await (await session.connection()).get_raw_connection()
        connections.append(connection.driver_connection)
        await session.commit()
    first, second = connections
    return first, second
