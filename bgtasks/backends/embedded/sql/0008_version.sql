-- The version of the type that a task's data is of.

ALTER TABLE tasks ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
