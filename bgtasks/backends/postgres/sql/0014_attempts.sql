-- Compatible from: 14
-- In which process the newest attempt began; which failure was the newest one, and when. These stay
-- when a later attempt completes.

ALTER TABLE bgtasks_tasks
    ADD COLUMN process     text,
    ADD COLUMN error_group text,
    ADD COLUMN failed_at   timestamptz;

-- What belongs to a failure, the newest first; and what failed within a time. Of tasks that never
-- failed there is nothing in them.
CREATE INDEX bgtasks_tasks_by_error ON bgtasks_tasks (error_group, sequence)
    WHERE error_group IS NOT NULL;
CREATE INDEX bgtasks_tasks_failed ON bgtasks_tasks (failed_at, error_group, type, status, sequence)
    WHERE error_group IS NOT NULL;

-- One row for each attempt that ended and did not complete.
ALTER TABLE bgtasks_failures RENAME TO bgtasks_attempts;
ALTER TABLE bgtasks_attempts RENAME COLUMN kind TO outcome;
ALTER TABLE bgtasks_attempts
    ALTER COLUMN error_message DROP NOT NULL,
    ADD COLUMN started_at  timestamptz,
    ADD COLUMN process     text,
    ADD COLUMN error_type  text,
    ADD COLUMN frame       text,
    ADD COLUMN error_group text;
