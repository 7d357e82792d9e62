-- Times are microseconds since 1970-01-01 UTC; `data` and `payload` are JSON.
-- `sequence` is the order of acceptance, and so the order of listing.

CREATE TABLE tasks (
    sequence         INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    type             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    data             TEXT    NOT NULL,
    owner            TEXT,
    priority         INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    progress         REAL    NOT NULL,
    payload          TEXT,
    status_message   TEXT,
    error_message    TEXT,
    created_at       INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    started_at       INTEGER,
    completed_at     INTEGER,
    scheduled_at     INTEGER,
    due_at           INTEGER,
    revision         INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    interruptions    INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL
);

-- What may start now, in the order in which it starts.
CREATE INDEX tasks_ready ON tasks (type, priority DESC, sequence)
    WHERE status = 'Pending' AND due_at IS NULL;

-- What may start later, the next one first.
CREATE INDEX tasks_due ON tasks (due_at)
    WHERE status = 'Pending' AND due_at IS NOT NULL;

-- Listing: an equality on each of these keeps the order of `sequence`, so a page is a short walk.
CREATE INDEX tasks_by_status ON tasks (status);
CREATE INDEX tasks_by_type   ON tasks (type, status);
CREATE INDEX tasks_by_owner  ON tasks (owner, type, status);

-- Pruning, the oldest first.
CREATE INDEX tasks_finished ON tasks (completed_at) WHERE completed_at IS NOT NULL;

-- One row for each attempt that did not end well.
CREATE TABLE failures (
    task          INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE,
    attempt       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    error_message TEXT    NOT NULL,
    traceback     TEXT,
    ended_at      INTEGER NOT NULL,
    PRIMARY KEY (task, attempt)
) WITHOUT ROWID;
