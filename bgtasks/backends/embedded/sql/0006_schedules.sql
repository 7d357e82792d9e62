-- Schedules, their last ticks, and which schedule and tick a task was submitted for.

CREATE TABLE schedules (
    name       TEXT    NOT NULL PRIMARY KEY,
    type       TEXT    NOT NULL,
    spec       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    paused_at  INTEGER,
    next_tick  INTEGER,
    due_at     INTEGER,
    seen_at    INTEGER NOT NULL,
    last_tick  INTEGER,
    last_task  BLOB,
    skipped    INTEGER NOT NULL,
    last_error TEXT
) WITHOUT ROWID;

CREATE TABLE schedule_ticks (
    schedule TEXT    NOT NULL REFERENCES schedules (name) ON DELETE CASCADE,
    tick     INTEGER NOT NULL,
    outcome  TEXT    NOT NULL,
    task     BLOB,
    missed   INTEGER NOT NULL,
    message  TEXT,
    PRIMARY KEY (schedule, tick)
) WITHOUT ROWID;

ALTER TABLE tasks ADD COLUMN schedule TEXT;
ALTER TABLE tasks ADD COLUMN tick INTEGER;
ALTER TABLE tasks ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;

-- No tick has two tasks, whatever else goes wrong.
CREATE UNIQUE INDEX tasks_by_tick ON tasks (schedule, tick) WHERE schedule IS NOT NULL;

-- What of a schedule has not ended yet.
CREATE INDEX tasks_of_schedule ON tasks (schedule)
    WHERE schedule IS NOT NULL AND completed_at IS NULL;
