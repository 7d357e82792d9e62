-- Whether `due_at` was counted from a moment (a delay, the wait for another attempt) and is no time
-- of day that somebody named: it then comes earlier by as much as the computer's clock is set back.

ALTER TABLE tasks ADD COLUMN delayed INTEGER NOT NULL DEFAULT 0;

-- What waits after an attempt waits for another one. What was handed in with a delay cannot be told
-- from what was handed in for a time of day.
UPDATE tasks SET delayed = 1 WHERE status = 'Pending' AND due_at IS NOT NULL AND attempt > 0;
