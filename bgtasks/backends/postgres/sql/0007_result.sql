-- Compatible from: 1
-- What the worker returned, as JSON.

ALTER TABLE bgtasks_tasks ADD COLUMN result text;
