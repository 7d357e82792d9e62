-- Compatible from: 1
-- The logs of tasks, many lines in a row.

CREATE TABLE bgtasks_log_chunks (
    task      bigint  NOT NULL REFERENCES bgtasks_tasks (sequence) ON DELETE CASCADE,
    first     bigint  NOT NULL,
    last      bigint  NOT NULL,
    attempt   integer NOT NULL,
    until     bigint  NOT NULL,
    kept_from bigint  NOT NULL,
    of_task   bigint  NOT NULL,
    total     bigint  NOT NULL,
    size      bigint  NOT NULL,
    lines     text    NOT NULL,
    PRIMARY KEY (task, first)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);
