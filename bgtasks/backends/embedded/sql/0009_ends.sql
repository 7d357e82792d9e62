-- From when on hooks may be told that a task has ended. 9000-01-01: they were.

ALTER TABLE tasks ADD COLUMN tell_at INTEGER;

CREATE INDEX tasks_ends ON tasks (tell_at)
    WHERE completed_at IS NOT NULL AND tell_at < 221845392000000000;
