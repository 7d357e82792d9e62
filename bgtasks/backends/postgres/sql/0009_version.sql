-- Compatible from: 1
-- The version of the type that a task's data is of.

ALTER TABLE bgtasks_tasks ADD COLUMN version integer NOT NULL DEFAULT 1;
