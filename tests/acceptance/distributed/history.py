"""What the database itself knows of every step of every task, and what has to hold for it."""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg

RECORD_EVERY_STEP = """
CREATE TABLE history (
    step bigint GENERATED ALWAYS AS IDENTITY, id uuid, before text, after text,
    revision_before bigint, revision bigint, attempt integer
);
CREATE FUNCTION record_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history (id, before, after, revision_before, revision, attempt)
    VALUES (NEW.id, OLD.status, NEW.status, OLD.revision, NEW.revision, NEW.attempt);
    RETURN NULL;
END $$;
CREATE TRIGGER record_step AFTER UPDATE ON bgtasks_tasks
    FOR EACH ROW EXECUTE FUNCTION record_step();
"""

TASKS = """
SELECT task.id, task.type, task.status, task.cancel_requested, task.revision, task.attempt,
       task.interruptions, task.error_message,
       queue.status::text AS job, now() - queue.heartbeat AS silence,
       (SELECT count(*) FROM bgtasks_attempts AS f
         WHERE f.task = task.sequence AND f.outcome = 'interrupted') AS interrupted,
       (SELECT array_agg(outcome ORDER BY attempt) FROM bgtasks_attempts AS f
         WHERE f.task = task.sequence) AS kinds
  FROM bgtasks_tasks AS task LEFT JOIN bgtasks_pgqueuer AS queue ON queue.id = task.job
"""

STRAY_JOBS = """
SELECT count(*) FROM bgtasks_pgqueuer AS queue
 WHERE NOT EXISTS (SELECT FROM bgtasks_tasks AS task
                    WHERE task.job = queue.id AND task.status IN ('Pending', 'Running'))
"""

FINAL = frozenset({"Completed", "Failed", "Cancelled"})


class History:
    """Asks the database. Made before the first task is handed in."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def ask(self, query: str, *arguments: object) -> list[Any]:
        """Any question, or command, over a connection that is there for it alone."""
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def begin(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            await connection.execute(RECORD_EVERY_STEP)
        finally:
            await connection.close()

    async def tasks(self) -> dict[str, Any]:
        """Every task as it is stored now."""
        return {str(row["id"]): row for row in await self.ask(TASKS)}

    async def task(self, task_id: str) -> Any:
        (row,) = await self.ask(f"{TASKS} WHERE task.id = $1", UUID(task_id))
        return row

    async def check(self, accepted: Collection[str]) -> None:
        """Every task that was accepted is final or on its way, none was settled twice, nothing
        runs without a live job, and no job is left without a task."""
        tasks = await self.tasks()
        lost = set(accepted) - tasks.keys()
        assert not lost, f"lost: {lost}"
        steps = await self.ask("SELECT * FROM history ORDER BY step")
        settled: Counter[str] = Counter()
        for step in steps:
            assert step["revision"] > step["revision_before"], dict(step)
            assert step["before"] not in FINAL, f"changed after its end: {dict(step)}"
            settled[str(step["id"])] += step["after"] in FINAL
        for task_id, task in tasks.items():
            final = task["status"] in FINAL
            assert settled[task_id] == final, f"settled {settled[task_id]} times: {dict(task)}"
            # An attempt that a stop cut off is kept, but not counted.
            assert task["interruptions"] <= task["interrupted"], dict(task)
            assert final or task["job"] in ("queued", "picked"), f"nobody runs it: {dict(task)}"
            assert task["status"] != "Running" or task["job"] == "picked", dict(task)
        assert (await self.ask(STRAY_JOBS))[0][0] == 0, "jobs without a task"

    async def check_all_ended(self, accepted: Collection[str]) -> None:
        """The same, where nothing is on its way any more."""
        await self.check(accepted)
        tasks = await self.tasks()
        left = [dict(task) for task in tasks.values() if task["status"] not in FINAL]
        assert not left, f"{len(left)} have not ended: {left[:3]}"
        assert (await self.ask("SELECT count(*) FROM bgtasks_pgqueuer"))[0][0] == 0
