-- All SQL that names PgQueuer's tables. Functions are named with their schema, as in the other file.

-- name: next_job
-- A part: the number of a job that is about to be queued.
pg_catalog.nextval((
                     SELECT pg_catalog.pg_get_serial_sequence('{queue}', 'id')::regclass));

-- name: queue_jobs
-- A part: a job for each row of `written` that has a number for one, as PgQueuer's own statement
-- writes it, but for its log: our tables tell more, and four more indexes to write would cost as much
-- as the job.
INSERT INTO {queue} (id, priority, entrypoint, payload, execute_after, status)
    SELECT job, priority, type, pg_catalog.uuid_send(id),
           pg_catalog.now() + wait, 'queued'
      FROM written WHERE job > 0;

-- name: lock_jobs
-- A part: nobody else takes the jobs of `new` from now on.
SELECT id FROM {queue} WHERE id IN (SELECT job FROM new) FOR UPDATE;

-- name: lock_job
-- Nobody else takes this job from now on.
SELECT id FROM {queue} WHERE id = $1 FOR UPDATE;

-- name: finish_jobs
-- A part: the jobs of `written` are finished. PgQueuer's own for this does not look whose job it is
-- by now; here a job goes only where the fence held.
DELETE FROM {queue} AS job USING written WHERE job.id = written.job;

-- name: withdraw_jobs
-- A part: the jobs of `turn`, which nobody has claimed, are no longer there.
DELETE FROM {queue} WHERE id IN (SELECT job FROM turn) AND status = 'queued' RETURNING id;

-- name: new_job
-- A job for a task that is to run again, as `queue_jobs` makes it.
INSERT INTO {queue} (priority, entrypoint, payload, execute_after, status)
VALUES ($1, $2, $3, pg_catalog.now() + $4::interval, 'queued') RETURNING id;

-- name: picked
-- How many jobs of some types processes have, counted as PgQueuer counts for its limits.
SELECT entrypoint, pg_catalog.count(*) FROM {queue}
 WHERE queue_manager_id IS NOT NULL AND entrypoint = ANY($1::text[]) GROUP BY entrypoint;

-- name: new_jobs
-- Jobs for several, due at once.
INSERT INTO {queue} (priority, entrypoint, payload, execute_after, status)
SELECT priority, type, task, pg_catalog.now(), 'queued'
  FROM unnest($1::integer[], $2::text[], $3::bytea[]) AS new (priority, type, task)
RETURNING id, payload;

-- name: notify
SELECT pg_catalog.pg_notify($1, $2);

-- name: held
-- What a process was given, but for what it knows of. A claim writes the job and the task in one
-- transaction: a task that another one has written since is not as that claim left it.
SELECT job.id, job.payload,
       coalesce(task.changed_by % 4294967296 = job.xmin::text::bigint, false) AS is_begun
  FROM {queue} AS job
  LEFT JOIN bgtasks_tasks AS task
    ON task.id = CASE WHEN pg_catalog.length(job.payload) = 16
                      THEN pg_catalog.encode(job.payload, 'hex')::uuid END
 WHERE job.queue_manager_id = $1 AND job.status = 'picked' AND job.id <> ALL ($2::bigint[])
 ORDER BY job.priority DESC, job.id;

-- name: lock_held
-- The same, locked.
SELECT id, payload, false FROM {queue}
 WHERE queue_manager_id = $1 AND status = 'picked' AND id <> ALL ($2::bigint[])
 ORDER BY priority DESC, id FOR UPDATE;

-- name: renew
UPDATE {queue} SET updated = pg_catalog.now() WHERE id = ANY ($1::bigint[]);

-- name: abandoned
-- Jobs whose worker has not been heard of for too long. Several processes look for them.
SELECT id, payload, queue_manager_id FROM {queue}
 WHERE status = 'picked'
   AND heartbeat < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1)
   AND (queue_manager_id = ANY (ARRAY(
        SELECT id FROM bgtasks_processes
         WHERE seen_at >= pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1)))
       ) IS NOT TRUE
 ORDER BY heartbeat LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: prune_log
-- PgQueuer writes down each step of each job, and nobody reads it.
DELETE FROM {log}
 WHERE id = ANY (ARRAY(
       SELECT id FROM {log} WHERE created < pg_catalog.now() - interval '10 minutes'
        ORDER BY created LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING 1;

-- name: prune_statistics
-- What somebody had PgQueuer sum up of that.
DELETE FROM {statistics}
 WHERE id = ANY (ARRAY(
       SELECT id FROM {statistics} WHERE created < pg_catalog.now() - interval '7 days'
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING 1;
