-- Compatible from: 1
-- Schedules, their last ticks, which processes have them registered, and which schedule and tick a
-- task was submitted for.

CREATE TABLE bgtasks_schedules (
    name       text        COLLATE "C" PRIMARY KEY,
    type       text        NOT NULL,
    spec       text        NOT NULL,
    digest     text        NOT NULL,
    paused_at  timestamptz,
    next_tick  timestamptz,
    due_at     timestamptz,
    seen_at    timestamptz NOT NULL,
    last_tick  timestamptz,
    last_task  uuid,
    skipped    bigint      NOT NULL,
    last_error text
) WITH (fillfactor = 70);

CREATE TABLE bgtasks_schedule_ticks (
    schedule text        COLLATE "C" NOT NULL REFERENCES bgtasks_schedules (name) ON DELETE CASCADE,
    tick     timestamptz NOT NULL,
    outcome  text        NOT NULL,
    task     uuid,
    missed   bigint      NOT NULL,
    message  text,
    PRIMARY KEY (schedule, tick)
);

ALTER TABLE bgtasks_processes ADD COLUMN schedules text[] NOT NULL DEFAULT '{}';

ALTER TABLE bgtasks_tasks ADD COLUMN schedule text;
ALTER TABLE bgtasks_tasks ADD COLUMN tick timestamptz;
ALTER TABLE bgtasks_tasks ADD COLUMN missed bigint NOT NULL DEFAULT 0;

-- No tick has two tasks, whatever else goes wrong.
CREATE UNIQUE INDEX bgtasks_tasks_by_tick ON bgtasks_tasks (schedule, tick)
    WHERE schedule IS NOT NULL;

-- What of a schedule has not ended yet.
CREATE INDEX bgtasks_tasks_of_schedule ON bgtasks_tasks (schedule)
    WHERE schedule IS NOT NULL AND completed_at IS NULL;
