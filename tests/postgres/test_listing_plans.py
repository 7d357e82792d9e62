"""What a page costs does not grow with the number of tasks: by the plans, not by the clock."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.backends.postgres.reader import fetch_page
from bgtasks.backends.postgres.statements import STATEMENTS
from bgtasks.core.record import TaskQuery

from .many_tasks import filling

COUNT = 20_000
LIMIT = 50
STATUSES = len(BackgroundTaskStatus)
TYPES = 2

QUERIES = {
    "newest": (TaskQuery(), 1),
    "deep": (TaskQuery(before=COUNT // 2), 1),
    "type": (TaskQuery(types=["Other"]), STATUSES),
    "status": (TaskQuery(statuses=[BackgroundTaskStatus.FAILED]), TYPES),
    "status that nothing has": (TaskQuery(statuses=[BackgroundTaskStatus.RUNNING]), TYPES),
    "type that is not there": (TaskQuery(types=["Nothing"]), STATUSES),
    "type and statuses": (
        TaskQuery(
            types=["Quick"],
            statuses=[BackgroundTaskStatus.COMPLETED, BackgroundTaskStatus.CANCELLED],
            before=COUNT // 2,
        ),
        2,
    ),
    "owner": (TaskQuery(owners=["ada"]), TYPES * STATUSES),
    "nobody's": (TaskQuery(owners=[None]), TYPES * STATUSES),
    "owner or nobody": (TaskQuery(owners=["ada", None]), 2 * TYPES * STATUSES),
    "owner that is not there": (TaskQuery(owners=["eve"], types=["Quick"]), STATUSES),
    "owner, type, status, deep": (
        TaskQuery(
            owners=["grace", "linus"],
            types=["Other"],
            statuses=[BackgroundTaskStatus.COMPLETED],
            before=COUNT // 2,
        ),
        2,
    ),
}


class Explaining:
    """A connection that asks for the plan of each question, too, before it gives the answer."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, sql: str, *values: Any) -> Any:
        """The rows."""
        await self._explain(sql, values)
        return await self._connection.fetch(sql, *values)

    async def fetchval(self, sql: str, *values: Any) -> Any:
        """The first value."""
        await self._explain(sql, values)
        return await self._connection.fetchval(sql, *values)

    async def _explain(self, sql: str, values: tuple[Any, ...]) -> None:
        await self._connection.execute(f"PREPARE question AS {sql}")
        literals = ", ".join(literal(value) for value in values)
        found = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE question ({literals})"
        )
        await self._connection.execute("DEALLOCATE question")
        self.plans.append(json.loads(found)[0]["Plan"])


def literal(value: Any) -> str:
    """A value as SQL; those of the tests need no more."""
    if isinstance(value, list):
        return f"ARRAY[{', '.join(literal(item) for item in value)}]::text[]"
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"'{value}'"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def rows_through(node: dict[str, Any]) -> float:
    """How many rows a step looked at, over all times that it was done."""
    dropped = sum(node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Index Recheck"))
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])


def assert_short_walks(plans: list[dict[str, Any]], most: int) -> None:
    for plan in plans:
        for node in nodes(plan):
            assert node["Node Type"] != "Seq Scan", json.dumps(plan, indent=1)
            assert rows_through(node) <= most, json.dumps(plan, indent=1)


@pytest.fixture
async def many(sql: Any) -> Any:
    await sql.execute(filling(COUNT))
    await sql.execute("ANALYZE bgtasks_tasks")
    return sql


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_every_page_is_a_few_short_walks_along_an_index(many: Any, plans: str) -> None:
    await many.execute(f"SET plan_cache_mode = {plans}")
    for name, (query, branches) in QUERIES.items():
        explaining = Explaining(many)
        page = await fetch_page(explaining, query)
        expected = 0 if "not there" in name or "nothing" in name else LIMIT
        assert len(page.records) == expected, name
        assert_short_walks(explaining.plans, branches * (LIMIT + 1))


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_pruning_and_single_tasks_are_short_walks_too(many: Any, plans: str) -> None:
    await many.execute(f"SET plan_cache_mode = {plans}")
    explaining = Explaining(many)
    task_id = await many.fetchval("SELECT id FROM bgtasks_tasks OFFSET 5000 LIMIT 1")
    await explaining.fetch(STATEMENTS["task_by_id"], task_id)
    await explaining.fetch(STATEMENTS["waiting_tasks"], "Quick", 5, 100)
    moment = datetime(2026, 1, 1, 5, tzinfo=UTC)
    await explaining.fetch(STATEMENTS["prune"], moment, 100, moment, None, [], True)
    assert_short_walks(explaining.plans, 100)


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_keys_are_found_by_their_index(many: Any, plans: str) -> None:
    await many.execute("UPDATE bgtasks_tasks SET held_key = 'k' || id WHERE sequence % 20 = 0")
    await many.execute("ANALYZE bgtasks_tasks")
    await many.execute(f"SET plan_cache_mode = {plans}")
    key = await many.fetchval("SELECT held_key FROM bgtasks_tasks WHERE held_key IS NOT NULL")
    explaining = Explaining(many)
    assert len(await explaining.fetch(STATEMENTS["holders_of_keys"], [key, key + "+"])) == 1
    await explaining.fetch(STATEMENTS["lock_holder_of_key"], key)
    await explaining.fetch(STATEMENTS["free_expired_key"], key, datetime(2026, 1, 1, tzinfo=UTC))
    await explaining.fetch(STATEMENTS["free_key"], key)
    assert_short_walks(explaining.plans, 2)
