-- Compatible from: 1
-- What hooks keep with a task for its attempts (the context of a trace, for example), as JSON.

ALTER TABLE bgtasks_tasks ADD COLUMN headers text;
