-- Compatible from: 1
-- From when on hooks may be told that a task has ended. 9000-01-01: they were.

ALTER TABLE bgtasks_tasks ADD COLUMN tell_at timestamptz;

CREATE INDEX bgtasks_tasks_ends ON bgtasks_tasks (tell_at)
    WHERE completed_at IS NOT NULL AND tell_at < '9000-01-01 00:00:00+00';
