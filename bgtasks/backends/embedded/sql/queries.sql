-- One statement, one name. `{columns}` stands for all columns of a record, `{shown}` for the same
-- without `data`, `{listed}` also without large payloads; `{inserted}`, `{changed}` and `{reported}`
-- for those that a new task, a step of its life, and a report write, `{replaced}` for those that a
-- task gets which is submitted in place of a waiting one. All follow from the record.

-- name: insert_task
-- A task that was accepted. Its `sequence` is the next rowid.
INSERT INTO tasks ({inserted}) VALUES ({inserted_values});

-- name: last_sequence
SELECT max(sequence) FROM tasks;

-- name: insert_numbered_task
-- The same with its `sequence`, for many at once.
INSERT INTO tasks ({numbered}) VALUES ({numbered_values});

-- name: write_end
-- The usual end of a running attempt. Touches few indexes. Guarded by the fence.
UPDATE tasks SET {ended}
 WHERE sequence = ? AND status = 'Running' AND attempt = ? AND revision = ?;

-- name: write_freeing_end
-- The same of a task that held a key until then.
UPDATE tasks SET {ended}, held_key = NULL
 WHERE sequence = ? AND status = 'Running' AND attempt = ? AND revision = ?;

-- name: insert_unique_task
-- A new task with a key, if no other task holds it.
INSERT INTO tasks ({inserted}) VALUES ({inserted_values})
    ON CONFLICT (held_key) WHERE held_key IS NOT NULL DO NOTHING;

-- name: taken_keys
-- Those of these keys that tasks hold.
SELECT held_key FROM tasks WHERE held_key IN (SELECT value FROM json_each(?));

-- name: holder_of_key
SELECT {shown} FROM tasks WHERE held_key = ?;

-- name: free_expired_key
-- A key that its task would have freed before, had it not been for the time. Whoever has an attempt
-- that still runs has to read the task again, or its outcome would take the key back.
UPDATE tasks SET held_key = NULL, revision = revision + (completed_at IS NULL)
 WHERE held_key = ? AND key_until <= ?
   AND (completed_at IS NOT NULL OR (key_rule = 'started' AND attempt > 0));

-- name: free_key
UPDATE tasks SET held_key = NULL WHERE held_key = ?;

-- name: write_replacement
-- Other work for a task that waits. Guarded as any step of its life.
UPDATE tasks SET {replaced}
 WHERE sequence = ? AND status = ? AND attempt = ? AND revision = ?;

-- name: write_report
-- What a running attempt shows. Touches no indexed column. Guarded by the fence.
UPDATE tasks SET {reported}
 WHERE sequence = ? AND status = 'Running' AND attempt = ? AND revision = ?;

-- name: write_change
-- A step of the life of a task. Written only where the task is still what was decided on.
UPDATE tasks SET {changed}
 WHERE sequence = ? AND status = ? AND attempt = ? AND revision = ?;

-- name: task_by_id
SELECT {columns} FROM tasks WHERE id = ?;

-- name: task_by_sequence
SELECT {columns} FROM tasks WHERE sequence = ?;

-- name: shown_by_sequence
SELECT {shown} FROM tasks WHERE sequence = ?;

-- name: shown_by_id
SELECT {shown} FROM tasks WHERE id = ?;

-- name: listed_by_id
SELECT {listed} FROM tasks WHERE id = ?;

-- name: listed_by_sequences
SELECT {listed} FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(?))
 ORDER BY sequence {order};

-- name: searched_tasks
-- Those of these tasks to which all applies that is given. Each word is looked for by its pattern,
-- or at the beginning of an id.
SELECT {listed} FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND {searched}
 ORDER BY sequence {order} LIMIT :limit;

-- name: sorted_tasks
-- The same in the order of a time; what has none comes last.
SELECT {listed} FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND {searched}
   AND (:is_first OR (coalesce({time}, {none}), sequence) {beyond} (coalesce(:at, {none}), :after))
 ORDER BY coalesce({time}, {none}) {order}, sequence {order} LIMIT :limit;

-- name: count_searched
SELECT type, status, count(*) FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND {searched}
 GROUP BY type, status;

-- name: failure_groups
-- Which failures there are of tasks that failed last within a time: by the index alone, but for what
-- is said of the newest of each.
SELECT found.error_group, failed, completed, retrying, first_at, last_at, types, task.id,
       attempt.error_type, attempt.error_message, attempt.frame
  FROM (SELECT error_group, count(*) FILTER (WHERE status = 'Failed') AS failed,
               count(*) FILTER (WHERE status = 'Completed') AS completed,
               count(*) FILTER (WHERE status IN ('Pending', 'Running')) AS retrying,
               min(failed_at) AS first_at, max(failed_at) AS last_at,
               json_group_array(DISTINCT type) AS types,
               coalesce(max(sequence) FILTER (WHERE status = 'Failed'), max(sequence)) AS sample
          FROM (SELECT error_group, type, status, failed_at, sequence
                  FROM tasks INDEXED BY tasks_failed
                 WHERE error_group IS NOT NULL AND failed_at >= :start AND failed_at < :end
                   AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
                 ORDER BY failed_at DESC LIMIT :most)
         GROUP BY error_group ORDER BY failed DESC, last_at DESC, error_group LIMIT :groups) AS found
  JOIN tasks AS task ON task.sequence = found.sample
  LEFT JOIN attempts AS attempt ON attempt.task = found.sample AND attempt.attempt =
       (SELECT max(attempt) FROM attempts
         WHERE task = found.sample AND error_group = found.error_group)
 ORDER BY failed DESC, last_at DESC, found.error_group;

-- name: failed_tasks
-- The newest tasks of a failure, by the index alone.
SELECT json_group_array(sequence), json_group_array(DISTINCT type)
  FROM (SELECT sequence, type FROM tasks INDEXED BY tasks_failed
         WHERE error_group = :group AND failed_at >= :start AND failed_at < :end
           AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
         ORDER BY failed_at DESC LIMIT :most);

-- name: ended_tasks
-- What became final, or failed last, within a time: by indexes alone.
SELECT json_group_array(sequence) FROM (
    SELECT * FROM (SELECT sequence FROM tasks INDEXED BY tasks_finished
                    WHERE completed_at >= :start AND completed_at < :end
                    ORDER BY completed_at DESC LIMIT :most)
     UNION ALL
    SELECT * FROM (SELECT sequence FROM tasks INDEXED BY tasks_failed
                    WHERE error_group IS NOT NULL AND failed_at >= :start AND failed_at < :end
                    ORDER BY failed_at DESC LIMIT :most));

-- name: facet_values
-- How many of these tasks have which value of that by which they are told apart. The process is
-- that in which the task failed for the reason that is looked at, else that of its newest attempt.
SELECT value, count(*) AS number
  FROM (SELECT CASE WHEN length(value) <= :longest THEN value END AS value
          FROM (SELECT CASE :by WHEN 'owner' THEN owner
                       WHEN 'process' THEN substr(coalesce(
                            (SELECT process FROM attempts
                              WHERE task = tasks.sequence AND error_group = :group
                                AND tasks.error_group = :group
                              ORDER BY attempt DESC LIMIT 1), process), 38)
                       ELSE {argument} END AS value
                  FROM tasks
                 WHERE sequence IN (SELECT value FROM json_each(:sequences))
                   AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))))
 WHERE :wanted IS NULL OR value IS NULL
    OR value IN (SELECT wanted.value FROM json_each(:wanted) AS wanted)
 GROUP BY value ORDER BY number DESC, value LIMIT :most;

-- name: sequences_of_error
-- The newest tasks of a failure.
SELECT sequence FROM tasks INDEXED BY tasks_by_error
 WHERE error_group = ? AND sequence {beyond} ? ORDER BY sequence {order} LIMIT ?;

-- name: those_that_fit
-- Those of these tasks of some types, in some states, and of some owners.
SELECT sequence FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(:sequences))
   AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
   AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:owners IS NULL OR owner IN (SELECT value FROM json_each(:owners))
        OR (:nobodys AND owner IS NULL))
 ORDER BY sequence DESC;

-- name: count_all
-- From indexes alone, in their order: the tasks of everybody, and those without an owner.
SELECT type, status, everybodys.number, coalesce(nobodys.number, 0)
  FROM (SELECT type, status, count(*) AS number FROM tasks INDEXED BY tasks_by_type
         GROUP BY type, status) AS everybodys
  LEFT JOIN (SELECT type, status, count(*) AS number FROM tasks INDEXED BY tasks_by_owner
              WHERE owner IS NULL GROUP BY type, status) AS nobodys
 USING (type, status);

-- name: oldest_waiting
-- The task of a type that could have started longest ago: among the first that wait, in the order in
-- which they were accepted.
SELECT id, since
  FROM (SELECT id, due_at, max(CASE WHEN attempt = 0 THEN created_at ELSE changed_at END,
                               coalesce(scheduled_at, 0)) AS since
          FROM tasks INDEXED BY tasks_by_type
         WHERE type = :type AND status = 'Pending' ORDER BY sequence LIMIT :limit)
 WHERE due_at IS NULL OR due_at <= :now
 ORDER BY since LIMIT 1;

-- name: count_due
-- What waits for a time that has not come, and the first of these times that is one.
SELECT count(*), min(CASE WHEN due_at < :not_yet THEN due_at END)
  FROM tasks INDEXED BY tasks_due
 WHERE status = 'Pending' AND due_at IS NOT NULL AND due_at > :now;

-- name: count_retrying
SELECT count(*) FROM tasks INDEXED BY tasks_retrying
 WHERE status = 'Pending' AND due_at IS NOT NULL AND failures > 0 AND due_at > :now;

-- name: count_cancelling
SELECT count(*) FROM tasks WHERE status = 'Running' AND cancel_requested;

-- name: most_silent
-- The running task that has been as it is for longest.
SELECT id, type, changed_at FROM tasks WHERE status = 'Running' ORDER BY changed_at LIMIT 1;

-- name: add_flows
INSERT INTO minutes (minute, type, flow, bucket, number) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (minute, type, flow, bucket) DO UPDATE SET number = number + excluded.number;

-- name: note_known_since
INSERT INTO statistics (known_since) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM statistics);

-- name: known_since
SELECT known_since FROM statistics;

-- name: flows
-- From a minute on, by points of so many minutes, those behind the last point together.
SELECT min((minute - :first) / :step, :points), flow, bucket, sum(number) FROM minutes
 WHERE minute >= :first AND (:type IS NULL OR type = :type)
 GROUP BY 1, 2, 3;

-- name: flows_by_type
-- Of some minutes.
SELECT type, flow, bucket, sum(number) FROM minutes
 WHERE minute >= ? AND minute < ? GROUP BY 1, 2, 3;

-- name: count_status
SELECT count(*) FROM tasks INDEXED BY tasks_by_status WHERE status = ?;

-- name: hour_to_sum_up
SELECT min(minute) - min(minute) % :coarse FROM minutes
 WHERE minute >= :first AND minute < :last AND minute % :coarse <> 0;

-- name: minutes_to_sum_up
SELECT minute - minute % :coarse, type, flow, bucket, sum(number) FROM minutes
 WHERE minute >= :first AND minute < :last AND minute % :coarse <> 0 GROUP BY 1, 2, 3, 4;

-- name: drop_summed_up
DELETE FROM minutes WHERE minute >= :first AND minute < :last AND minute % :coarse <> 0;

-- name: drop_minutes
DELETE FROM minutes WHERE minute < ?;

-- name: move_known_since
UPDATE statistics SET known_since = max(known_since, ?);

-- name: count_owned
-- Of one owner: several at once would be sorted first.
SELECT type, status, count(*) FROM tasks INDEXED BY tasks_by_owner
 WHERE owner = ? GROUP BY type, status;

-- name: count_owners
SELECT owner, count(*) FROM tasks
 WHERE sequence IN (SELECT value FROM json_each(:sequences)) AND {searched}
 GROUP BY owner;

-- name: accepted_before
-- The newest task before a sequence.
SELECT sequence, created_at, id FROM tasks WHERE sequence < ? ORDER BY sequence DESC LIMIT 1;

-- name: ends_to_tell
-- The condition of the index word for word, or it is not used.
SELECT {shown} FROM tasks INDEXED BY tasks_ends
 WHERE completed_at IS NOT NULL AND tell_at < 221845392000000000 AND tell_at <= ?
 ORDER BY tell_at LIMIT ?;

-- name: tell_end_at
-- One that was retried meanwhile has another revision.
UPDATE tasks SET tell_at = ? WHERE sequence = ? AND revision = ?;

-- name: running_tasks
-- What a crash left behind: at start nobody runs anything.
SELECT {shown} FROM tasks WHERE status = 'Running' ORDER BY sequence LIMIT ?;

-- name: next_type
-- The types there are, one after the other: a step for each type, not for each task.
SELECT min(type) FROM tasks WHERE type > ?;

-- name: waiting_tasks
-- Waiting tasks of one type, from a sequence on.
SELECT {shown} FROM tasks
 WHERE type = ? AND status = 'Pending' AND sequence > ?
 ORDER BY sequence LIMIT ?;

-- name: ready_tasks
-- The next tasks of one type to start; from the index alone.
SELECT priority, sequence FROM tasks INDEXED BY tasks_ready
 WHERE type = ? AND status = 'Pending' AND due_at IS NULL AND NOT held
 ORDER BY priority DESC, sequence LIMIT ?;

-- name: next_due
-- Told to, or it would go through everything that waits.
SELECT min(due_at) FROM tasks INDEXED BY tasks_due
 WHERE status = 'Pending' AND due_at IS NOT NULL;

-- name: due_tasks
-- Tasks whose time has come.
SELECT sequence, type, turn_key FROM tasks INDEXED BY tasks_due
 WHERE status = 'Pending' AND due_at IS NOT NULL AND due_at <= ?
 ORDER BY due_at LIMIT ?;

-- name: release_task
-- A task whose time has come may start. Nothing that anyone sees changes: the revision stays.
UPDATE tasks SET due_at = NULL WHERE sequence = ?;

-- name: move_delayed
-- The clock was set back by so many microseconds: what waits for a time to pass waits no longer.
UPDATE tasks SET due_at = due_at - ?
 WHERE status = 'Pending' AND due_at IS NOT NULL AND delayed;

-- name: prunable
-- What became final within a span of time, of some kinds of tasks, or of all others. A task stays that
-- holds its key for a time.
SELECT sequence, type, status, owner IS NOT NULL FROM tasks INDEXED BY tasks_finished
 WHERE completed_at IS NOT NULL AND completed_at >= ? AND completed_at < ?
   AND (held_key IS NULL OR key_until <= ?)
   AND (type || '/' || status IN (SELECT value FROM json_each(?))) IS NOT ?
 ORDER BY completed_at LIMIT ?;

-- name: final_task
SELECT sequence, type, status, owner IS NOT NULL FROM tasks
 WHERE id = ? AND completed_at IS NOT NULL;

-- name: drop_tasks
-- What stands beside a task goes with it (ON DELETE CASCADE).
DELETE FROM tasks WHERE sequence IN (SELECT value FROM json_each(?));

-- name: tasks_after
-- All tasks in the order of acceptance, a part at a time.
SELECT {columns} FROM tasks WHERE sequence > ? ORDER BY sequence LIMIT ?;

-- name: is_any_running
SELECT EXISTS (SELECT 1 FROM tasks WHERE status = 'Running');

-- name: turns_taken
-- How many tasks of a key have their turn.
SELECT count(*) FROM tasks INDEXED BY tasks_turns
 WHERE type = ? AND turn_key = ?
   AND turn_key IS NOT NULL AND NOT held AND due_at IS NULL AND status IN ('Pending', 'Running');

-- name: next_held
-- Those of a key whose turn comes next.
SELECT {shown} FROM tasks INDEXED BY tasks_held
 WHERE type = ? AND turn_key = ? AND held ORDER BY priority DESC, sequence LIMIT ?;

-- name: held_keys
-- The keys in which somebody waits for a turn.
SELECT DISTINCT type, turn_key FROM tasks INDEXED BY tasks_held WHERE held;

-- name: types
SELECT name, paused_at, pause_reason, tokens, refilled_at FROM types;

-- name: pause_type
-- One that is paused stays so since then.
INSERT INTO types (name, paused_at, pause_reason) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE
   SET paused_at = coalesce(paused_at, excluded.paused_at), pause_reason = excluded.pause_reason;

-- name: resume_type
UPDATE types SET paused_at = NULL, pause_reason = NULL WHERE name = ? AND paused_at IS NOT NULL;

-- name: keep_tokens
INSERT INTO types (name, tokens, refilled_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, refilled_at = excluded.refilled_at;

-- name: count_of
SELECT count(*) FROM tasks INDEXED BY tasks_by_type WHERE type = ? AND status = ?;

-- name: schedules
SELECT {schedule} FROM schedules WHERE name > ? ORDER BY name LIMIT ?;

-- name: schedules_by_name
SELECT {schedule} FROM schedules WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name;

-- name: add_schedule
-- Only one that is not there.
INSERT INTO schedules ({schedule}) VALUES ({schedule_values}) ON CONFLICT (name) DO NOTHING;

-- name: put_schedule
-- The process that registers it last wins. A pause, and what has come of it so far, stay.
INSERT INTO schedules ({schedule}) VALUES ({schedule_values})
    ON CONFLICT (name) DO UPDATE
   SET type = excluded.type, spec = excluded.spec, digest = excluded.digest,
       next_tick = excluded.next_tick, due_at = excluded.due_at, seen_at = excluded.seen_at;

-- name: attend_schedules
UPDATE schedules SET seen_at = ? WHERE name IN (SELECT value FROM json_each(?));

-- name: advance_schedule
-- A tick has come. Written only where the schedule is still what was decided on, and is due.
UPDATE schedules
   SET next_tick = ?, due_at = ?, last_tick = ?, last_task = coalesce(?, last_task),
       skipped = skipped + ?, last_error = coalesce(?, last_error)
 WHERE name = ? AND digest = ? AND next_tick = ? AND paused_at IS NULL AND due_at <= ?;

-- name: unfinished_of_schedule
SELECT due_at FROM tasks INDEXED BY tasks_of_schedule
 WHERE schedule = ? AND completed_at IS NULL;

-- name: add_tick
INSERT INTO schedule_ticks (schedule, tick, outcome, task, missed, message)
VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (schedule, tick) DO UPDATE
   SET outcome = excluded.outcome, task = excluded.task, missed = excluded.missed,
       message = excluded.message;

-- name: forget_ticks
-- All but the last ones.
DELETE FROM schedule_ticks
 WHERE schedule = :schedule
   AND tick <= (SELECT tick FROM schedule_ticks WHERE schedule = :schedule
                 ORDER BY tick DESC LIMIT 1 OFFSET :kept);

-- name: ticks_of_schedules
SELECT schedule, tick, outcome, task, missed, message FROM schedule_ticks
 WHERE schedule IN (SELECT value FROM json_each(?)) ORDER BY schedule, tick DESC;

-- name: note_run
UPDATE schedules SET last_task = ? WHERE name = ?;

-- name: pause_schedule
UPDATE schedules SET paused_at = coalesce(paused_at, ?) WHERE name = ?;

-- name: resume_schedule
UPDATE schedules SET paused_at = NULL, next_tick = ?, due_at = ?
 WHERE name = ? AND paused_at IS NOT NULL;

-- name: release_held
-- Its turn has come: nothing else of the schedule has still to end.
UPDATE tasks INDEXED BY tasks_of_schedule SET due_at = :now
 WHERE schedule = :schedule AND completed_at IS NULL AND due_at = :held_until AND status = 'Pending'
   AND NOT EXISTS (SELECT 1 FROM tasks AS other INDEXED BY tasks_of_schedule
                    WHERE other.schedule = :schedule AND other.completed_at IS NULL
                      AND other.due_at IS NOT :held_until);

-- name: drop_schedules
DELETE FROM schedules WHERE seen_at < ? AND name NOT IN (SELECT value FROM json_each(?));

-- name: newest_log_chunk
-- Without its lines.
SELECT first, last, attempt, until, kept_from, of_task, total, size, '' FROM log_chunks
 WHERE task = ? ORDER BY first DESC LIMIT 1;

-- name: ends_of_logs
-- In one value: of tasks and their attempts ([[sequence, attempt], ...]) those that are held by that
-- attempt, each with the newest row of its log, without its lines.
SELECT json_group_array(json_array(task.sequence, task.attempt, first, last, newest.attempt, until,
                                   kept_from, of_task, total, size, ''))
  FROM json_each(?) AS given
  JOIN tasks AS task ON task.sequence = json_extract(given.value, '$[0]')
                    AND task.attempt = json_extract(given.value, '$[1]')
  LEFT JOIN log_chunks AS newest
    ON newest.task = task.sequence
   AND newest.first = (SELECT max(first) FROM log_chunks WHERE task = task.sequence);

-- name: oldest_log_chunk
SELECT first, last, total - size FROM log_chunks WHERE task = ? ORDER BY first LIMIT 1;

-- name: drop_log_chunk
DELETE FROM log_chunks WHERE task = ? AND first = ?;

-- name: log_chunks_behind
-- Those that have lines behind a number: so many of them at most, and of so many bytes.
WITH start AS (
    SELECT first, total - size AS before FROM log_chunks
     WHERE task = :task AND last > :after
       AND first >= coalesce((SELECT max(first) FROM log_chunks
                               WHERE task = :task AND first <= :after + 1), 0)
     ORDER BY first LIMIT 1
)
SELECT chunk.first, last, attempt, until, kept_from, of_task, total, size, lines
  FROM start, log_chunks AS chunk
 WHERE chunk.task = :task AND chunk.first >= start.first
   AND chunk.total - chunk.size < start.before + :bytes
 ORDER BY chunk.first LIMIT :rows;

-- name: sequence_of
SELECT sequence FROM tasks WHERE id = ?;
