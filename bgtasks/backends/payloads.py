"""Large payloads of a page, read because somebody asked for them."""

from attrs import evolve

from bgtasks.backends.base import Backend
from bgtasks.core.record import TaskPage, TaskQuery, TaskRecord, is_whole

__all__ = ["with_payloads"]

MAX_PAYLOADS = 1024 * 1024
"""Characters of JSON after which a page with payloads ends; the first one is always there."""


async def with_payloads(backend: Backend, query: TaskQuery, page: TaskPage) -> TaskPage:
    """``page`` with all payloads, as far as they fit: what comes after is on the next page."""
    records: list[TaskRecord] = []
    size = 0
    for record in page.records:
        if not is_whole(record):
            # One by one: together they might be larger than the memory.
            found = await backend.find([record.id], payloads=True)
            record = found[0] if found else record._replace(payload=None, result=None)
        size += len(record.payload or "") + len(record.result or "")
        if size > MAX_PAYLOADS and records:
            place = query.place_of(records[-1])
            before = records[-1].sequence if place is None else None
            return TaskPage(records, before, place, page.complete)
        records.append(record)
    return evolve(page, records=records)
