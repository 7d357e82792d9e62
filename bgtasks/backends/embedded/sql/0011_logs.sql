-- The logs of tasks, many lines in a row. `lines` comes last: the others are read without it.

CREATE TABLE log_chunks (
    task      INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    kept_from INTEGER NOT NULL,
    of_task   INTEGER NOT NULL,
    total     INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    lines     TEXT    NOT NULL,
    PRIMARY KEY (task, first)
) WITHOUT ROWID;
