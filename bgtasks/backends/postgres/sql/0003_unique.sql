-- Compatible from: 3
-- What a unique task is unique by (`key`, for life), and the same while it keeps others from being
-- accepted (`held_key`): at least until `key_until`, and until what `key_rule` names. A process that
-- does not know them would end tasks and leave their keys held.

ALTER TABLE bgtasks_tasks ADD COLUMN key       text;
ALTER TABLE bgtasks_tasks ADD COLUMN held_key  text;
ALTER TABLE bgtasks_tasks ADD COLUMN key_until timestamptz;
ALTER TABLE bgtasks_tasks ADD COLUMN key_rule  text;

CREATE UNIQUE INDEX bgtasks_tasks_by_held_key ON bgtasks_tasks (held_key)
    WHERE held_key IS NOT NULL;
