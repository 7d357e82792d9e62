"""Listings over HTTP, page by page."""

from typing import Any

__all__ = ["pages"]


async def pages(world: Any, user: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of one listing, as ``user`` sees them."""
    found: list[dict[str, Any]] = []
    async with world.http(headers={"x-user": user}) as http:
        while not found or found[-1]["nextCursor"]:
            cursor = {"cursor": found[-1]["nextCursor"]} if found else {}
            answer = await http.get("/api/tasks", params=query | cursor)
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
    return found
