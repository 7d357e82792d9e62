-- In which process the newest attempt began; which failure was the newest one, and when. These stay
-- when a later attempt completes.

ALTER TABLE tasks ADD COLUMN process TEXT;
ALTER TABLE tasks ADD COLUMN error_group TEXT;
ALTER TABLE tasks ADD COLUMN failed_at INTEGER;

-- What belongs to a failure, the newest first; and what failed within a time, by the index alone. Of
-- tasks that never failed there is nothing in them.
CREATE INDEX tasks_by_error ON tasks (error_group) WHERE error_group IS NOT NULL;
CREATE INDEX tasks_failed ON tasks (failed_at, error_group, type, status)
    WHERE error_group IS NOT NULL;

-- One row for each attempt that ended and did not complete.
CREATE TABLE attempts (
    task          INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE,
    attempt       INTEGER NOT NULL,
    outcome       TEXT    NOT NULL,
    ended_at      INTEGER NOT NULL,
    started_at    INTEGER,
    process       TEXT,
    error_type    TEXT,
    error_message TEXT,
    frame         TEXT,
    traceback     TEXT,
    error_group   TEXT,
    PRIMARY KEY (task, attempt)
) WITHOUT ROWID;
INSERT INTO attempts (task, attempt, outcome, ended_at, error_message, traceback)
SELECT task, attempt, kind, ended_at, error_message, traceback FROM failures;
DROP TABLE failures;
