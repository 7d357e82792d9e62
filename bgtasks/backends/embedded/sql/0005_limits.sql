-- What may start of a type: whether it is paused, since when and why; how many starts of its rate
-- were left at a moment. One row for each type of which there is anything to keep.

CREATE TABLE types (
    name         TEXT PRIMARY KEY,
    paused_at    INTEGER,
    pause_reason TEXT,
    tokens       REAL,
    refilled_at  INTEGER
) WITHOUT ROWID;

-- What a task takes turns by, and whether it waits for its own.

ALTER TABLE tasks ADD COLUMN turn_key TEXT;
ALTER TABLE tasks ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- Those of a key that have their turn, and those that wait for it, the next one first.
CREATE INDEX tasks_turns ON tasks (type, turn_key)
    WHERE turn_key IS NOT NULL AND NOT held AND due_at IS NULL AND status IN ('Pending', 'Running');
CREATE INDEX tasks_held ON tasks (type, turn_key, priority DESC, sequence) WHERE held;

-- What is held may not start: however many they are, nobody goes through them.
DROP INDEX tasks_ready;
CREATE INDEX tasks_ready ON tasks (type, priority DESC, sequence)
    WHERE status = 'Pending' AND due_at IS NULL AND NOT held;
