-- Compatible from: 5
-- What may start of a type: whether it is paused, since when and why; how many starts of its rate
-- were left at a moment. One row for each type of which there is anything to keep.

CREATE TABLE bgtasks_types (
    name         text        PRIMARY KEY,
    paused_at    timestamptz,
    pause_reason text,
    tokens       double precision,
    refilled_at  timestamptz
);

-- What a task takes turns by, and whether it waits for its own. A process that does not know them
-- would end tasks and leave their turns to nobody.

ALTER TABLE bgtasks_tasks ADD COLUMN turn_key text;
ALTER TABLE bgtasks_tasks ADD COLUMN held boolean NOT NULL DEFAULT false;

-- Those of a key that have their turn, and those that wait for it, the next one first.
CREATE INDEX bgtasks_tasks_turns ON bgtasks_tasks (type, turn_key)
    WHERE turn_key IS NOT NULL AND NOT held AND due_at IS NULL AND status IN ('Pending', 'Running');
CREATE INDEX bgtasks_tasks_held ON bgtasks_tasks (type, turn_key, priority DESC, sequence)
    WHERE held;
