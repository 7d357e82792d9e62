"""The order of a list over HTTP."""

from typing import Any

import pytest

from .test_arguments import Copy, serving


async def test_a_list_is_sorted_and_its_cursors_go_on_in_the_same_order() -> None:
    async with serving() as (manager, http, first):
        ids = [str(first)]
        for _ in range(4):
            ids.append(str(await manager.run_task(Copy(share_name="music"))))
            await manager.wait_for(await manager.run_task(Copy(share_name="other")), 10)
        for sort, expected in (("created", ids), ("-ended", ids[::-1]), ("started", ids)):
            seen: list[Any] = []
            cursor: str | None = ""
            query = f"limit=2&sort={sort}&args.size=3&q=copy"
            while cursor is not None:
                answer = (await http.get(f"/tasks?{query}{cursor and f'&cursor={cursor}'}")).json()
                assert "complete" not in answer
                seen += [item["id"] for item in answer["items"] if item["id"] in ids]
                cursor = answer["nextCursor"]
            assert seen == expected, sort
        begun = (await http.get("/tasks?limit=1&sort=created")).json()["nextCursor"]
        other = await http.get(f"/tasks?limit=1&sort=-created&cursor={begun}")
        assert other.status_code == 400


@pytest.mark.parametrize("query", ["sort=", "sort=name", "sort=created&sort=ended"])
async def test_an_order_that_is_none_is_refused(query: str) -> None:
    async with serving() as (_, http, _):
        answer = await http.get(f"/tasks?{query}")
        assert (answer.status_code, "sort" in answer.json()["detail"]) == (400, True)
