-- What the worker returned, as JSON.

ALTER TABLE tasks ADD COLUMN result TEXT;
