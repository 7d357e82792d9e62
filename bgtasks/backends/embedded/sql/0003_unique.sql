-- What a unique task is unique by (`key`, for life), and the same while it keeps others from being
-- accepted (`held_key`): at least until `key_until`, and until what `key_rule` names.

ALTER TABLE tasks ADD COLUMN key       TEXT;
ALTER TABLE tasks ADD COLUMN held_key  TEXT;
ALTER TABLE tasks ADD COLUMN key_until INTEGER;
ALTER TABLE tasks ADD COLUMN key_rule  TEXT;

CREATE UNIQUE INDEX tasks_by_held_key ON tasks (held_key) WHERE held_key IS NOT NULL;
