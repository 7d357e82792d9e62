-- Compatible from: 1
-- What waits for a time, and how much of it for another attempt: counted by the indexes alone. Tasks
-- that wait for no time are not in them.

CREATE INDEX bgtasks_tasks_due ON bgtasks_tasks (due_at)
    WHERE status = 'Pending' AND due_at IS NOT NULL;
CREATE INDEX bgtasks_tasks_retrying ON bgtasks_tasks (due_at)
    WHERE status = 'Pending' AND due_at IS NOT NULL AND failures > 0;

-- How processes are: the version of this package that they have, by how much their event loops came
-- round late, the memory that they hold, and some of the tasks that run in them.

ALTER TABLE bgtasks_processes ADD COLUMN release text NOT NULL DEFAULT '';
ALTER TABLE bgtasks_processes ADD COLUMN loop_lag_ms double precision;
ALTER TABLE bgtasks_processes ADD COLUMN rss_bytes bigint;
ALTER TABLE bgtasks_processes ADD COLUMN tasks uuid[] NOT NULL DEFAULT '{}';
