"""The body of a listing: bounded in bytes, and encoded some tasks at a time."""

import json
from collections.abc import Awaitable, Callable

from bgtasks.concurrency.pace import Pace
from bgtasks.core.codec.shapes import time_to_text
from bgtasks.web.encoded_task import Info
from bgtasks.web.listing import Page
from bgtasks.web.protocol import MAX_PAGE_BYTES

__all__ = ["write_page"]


async def write_page(
    page: Page,
    *,
    text_of: Callable[[Info], Awaitable[str]],
    cursor_after: Callable[[Info], str],
    total: int | None = None,
) -> bytes:
    """``{"items": [...], "nextCursor": ...}`` with those of the tasks that fit, and the ``total``
    where it was counted; ``"complete": false`` where there are more than were sorted;
    ``"searchedTo"`` where a search ended early.

    ``text_of`` reads what is to be included: one by one, because together they might be larger than
    the memory.
    """
    infos, next_cursor, complete, searched_to = page
    texts: list[str] = []
    size, pace = 0, Pace()
    for number, info in enumerate(infos):
        # Where the page is full already, the next task is not read only to be left out.
        text = await text_of(info) if size < MAX_PAGE_BYTES else None
        if text is None or (texts and size + len(text) > MAX_PAGE_BYTES):
            next_cursor, searched_to = cursor_after(infos[number - 1]), None
            break
        size += len(text)
        texts.append(text)
        await pace.spent(len(text))
    end = "" if total is None else f',"total":{total}'
    end += "" if complete else ',"complete":false'
    end += "" if searched_to is None else f',"searchedTo":"{time_to_text(searched_to)}"'
    return f'{{"items":[{",".join(texts)}],"nextCursor":{json.dumps(next_cursor)}{end}}}'.encode()
