-- What hooks keep with a task for its attempts (the context of a trace, for example), as JSON.

ALTER TABLE tasks ADD COLUMN headers TEXT;
