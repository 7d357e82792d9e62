-- Compatible from: 1
-- Whether `due_at` was counted from a moment (a delay, the wait for another attempt) and is no time
-- of day that somebody named.

ALTER TABLE bgtasks_tasks ADD COLUMN delayed boolean NOT NULL DEFAULT false;
