-- One statement, one name. `{columns}` stands for all columns of a record, `{slim}` for the same
-- without the task's data, which only whoever runs it needs, `{listed}` also without large payloads.
-- `{inserted}`, `{changed}`, `{ended}` and `{reported}` are the columns that a new task, a step of its
-- life, a plain end, and a report write; `{..._arrays}` are the parameters for them. All that follows
-- from the record (`rows.PARTS`). `{next_job}`, `{queue_jobs}`, `{lock_jobs}` and `{finish_jobs}` are the engine's: its
-- tables are named in its own file alone.
-- Statements that change tasks send the notifications of it as well (`{notify}`, $1): they go out
-- when the transaction commits, and only then. Their rows are the sequences that were written, and a NULL for
-- each notification.
-- Where they have `{beside}` they write the rows beside these tasks, too (`side_tables.py`).
-- Functions are named with their schema: PostgreSQL prefers one whose arguments fit exactly, from
-- whatever schema of the search path, and others may be able to create one there. (`unnest` of
-- several arrays is always its own.)
-- The guards say `status || ''` so that only the primary key fits: by an index on the status,
-- PostgreSQL would wade through the remains of all that had this status lately.

-- name: insert_tasks
-- Tasks that were accepted, in their order, each with its job; a final one gets none, and one that is
-- held none before its turn. The rows are those that were accepted; with `{unless_held}`, those whose
-- keys nobody holds. A job waits by the server's clock as long as its task does from $2 on.
WITH new AS MATERIALIZED (
    SELECT CASE WHEN status = 'Pending' AND NOT held THEN {next_job}
                ELSE 0
           END AS job, *
      FROM unnest({inserted_arrays}) WITH ORDINALITY AS given ({inserted}, place)
), written AS (
    INSERT INTO bgtasks_tasks (job, {inserted})
    SELECT job, {inserted} FROM new ORDER BY place
        {unless_held}
    RETURNING id, sequence, job, type, priority,
              greatest(due_at - $2::timestamptz, '0'::interval) AS wait
), queued AS (
    {queue_jobs}
)
SELECT id, sequence FROM written
 UNION ALL
SELECT NULL, told.* FROM ({notify}) AS told;

-- name: holders_of_keys
-- The tasks that hold one of these keys.
SELECT {slim}, job FROM bgtasks_tasks WHERE held_key = ANY($1::text[]);

-- name: lock_holder_of_key
-- One of them, once nobody else is changing it.
SELECT {slim}, job FROM bgtasks_tasks WHERE held_key = $1 FOR UPDATE;

-- name: free_expired_key
-- A key that its task would have freed before, had it not been for the time. Whoever has an attempt
-- that still runs has to read the task again, or its outcome would take the key back.
UPDATE bgtasks_tasks
   SET held_key = NULL, revision = revision + (completed_at IS NULL)::integer
 WHERE held_key = $1 AND key_until <= $2
   AND (completed_at IS NOT NULL OR (key_rule = 'started' AND attempt > 0))
RETURNING 1;

-- name: free_key
UPDATE bgtasks_tasks SET held_key = NULL WHERE held_key = $1;

-- name: write_replacements
-- Other work for tasks that wait, each with a new job. Guarded like every change.
WITH written AS (
    UPDATE bgtasks_tasks AS task
       SET {set_replaced},
           job = new.job,
           changed_by = pg_catalog.pg_current_xact_id()::text::bigint
      FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[],
                  {replaced_arrays})
           AS new (sequence, was_attempt, was_revision, was_status, job, {replaced})
     WHERE task.sequence = new.sequence AND task.status || '' = new.was_status
       AND task.attempt = new.was_attempt AND task.revision = new.was_revision
    RETURNING task.sequence
){beside}
SELECT sequence FROM written
 UNION ALL
{notify};

-- name: write_reports
-- What running attempts show. Touches no indexed column. Guarded by the fence.
WITH written AS (
    UPDATE bgtasks_tasks AS task
       SET {set_reported}
      FROM unnest($2::bigint[], $3::integer[], $4::bigint[], {reported_arrays})
           AS new (sequence, was_attempt, was_revision, {reported})
     WHERE task.sequence = new.sequence AND task.status || '' = 'Running'
       AND task.attempt = new.was_attempt AND task.revision = new.was_revision
    RETURNING task.sequence
){beside}
SELECT sequence FROM written
 UNION ALL
{notify};

-- name: write_changes
-- Steps of the life of tasks, each written only where the task is still what was decided on.
-- A `job` of NULL leaves the one there is.
WITH written AS (
    UPDATE bgtasks_tasks AS task
       SET {set_changed},
           job = coalesce(new.job, task.job),
           changed_by = pg_catalog.pg_current_xact_id()::text::bigint
      FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[],
                  {changed_arrays})
           AS new (sequence, was_attempt, was_revision, was_status, job, {changed})
     WHERE task.sequence = new.sequence AND task.status || '' = new.was_status
       AND task.attempt = new.was_attempt AND task.revision = new.was_revision
    RETURNING task.sequence
){beside}
SELECT sequence FROM written
 UNION ALL
{notify};

-- name: begin_claimed
-- Behind the engine's claim, whose jobs are `claimed`: the attempts of their tasks begin, at the moment
-- {first}, and the process {second} notifies of them. Only tasks that plainly wait for these jobs, have
-- their turn, and are of a version that is known here ({third}: versions by type, those above 1); what
-- becomes of the others is for `decide`. {fourth} names the process with each attempt. This is `decide(record, Claimed(), now)`
-- once more: a test holds them equal. Tasks are looked for by arrays, so that only the index of their
-- ids fits.
written AS (
    UPDATE bgtasks_tasks
       SET status = 'Running', attempt = attempt + 1, started_at = {first}::timestamptz,
           process = {fourth}::text,
           progress = 0, status_message = NULL, error_message = NULL, scheduled_at = NULL,
           due_at = NULL, delayed = false, revision = revision + 1,
           held_key = CASE WHEN key_rule = '{until_started}'
                            AND (key_until > {first}::timestamptz) IS NOT TRUE
                           THEN NULL ELSE held_key END,
           changed_at = {first}::timestamptz,
           changed_by = pg_catalog.pg_current_xact_id()::text::bigint
     WHERE id = ANY (ARRAY(SELECT pg_catalog.encode(payload, 'hex')::uuid
                             FROM claimed WHERE pg_catalog.length(payload) = 16))
       AND job = ANY (ARRAY(SELECT id FROM claimed)) AND status || '' = 'Pending'
       AND NOT held AND (turn_key IS NULL OR due_at IS NULL)
       AND (version = 1 OR version <= ({third}::jsonb ->> type)::integer)
    RETURNING {columns}, job
)
SELECT written.*,
       (SELECT pg_catalog.count(*) FROM (
            SELECT pg_catalog.pg_notify(
                       '{channel}',
                       '{"from":"' || {second}::text || '","tasks":["' || pg_catalog.string_agg(
                           pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'), '","') || '"]}')
              FROM written HAVING pg_catalog.count(*) > 0) AS told) AS told
  FROM claimed LEFT JOIN written ON written.job = claimed.id
 ORDER BY claimed.priority DESC, claimed.id;

-- name: settle
-- Attempts that ended well, or for good: the task and its job in one statement.
WITH written AS (
    UPDATE bgtasks_tasks AS task
       SET {set_ended},
           held_key = CASE WHEN task.key_until > new.completed_at THEN task.held_key END,
           changed_by = pg_catalog.pg_current_xact_id()::text::bigint
      FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], {ended_arrays})
           AS new (sequence, was_attempt, was_revision, job, {ended})
     WHERE task.sequence = new.sequence AND task.status || '' = 'Running'
       AND task.attempt = new.was_attempt AND task.revision = new.was_revision
    RETURNING task.sequence, new.job
), finished AS (
    {finish_jobs}
){beside}
SELECT sequence FROM written
 UNION ALL
{notify};

-- name: cancel_tasks
-- Tasks that are cancelled while they wait, each with its `job`, and running ones that are asked to
-- end; whoever runs them is told ($2). Jobs are locked first, as by a claim: then it is written that
-- the task runs, and nothing here; or the claim takes another job.
WITH new AS MATERIALIZED (
    SELECT *
      FROM unnest($3::bigint[], $4::integer[], $5::bigint[], $6::text[], $7::bigint[],
                  {cancelled_arrays})
           AS given (sequence, was_attempt, was_revision, was_status, job, {cancelled})
), locked AS MATERIALIZED (
    {lock_jobs}
), written AS (
    UPDATE bgtasks_tasks AS task
       SET {set_cancelled},
           changed_by = pg_catalog.pg_current_xact_id()::text::bigint
      FROM new
     WHERE task.sequence = new.sequence AND task.status || '' = new.was_status
       AND task.attempt = new.was_attempt AND task.revision = new.was_revision
       AND (SELECT pg_catalog.count(*) FROM locked) >= 0
    RETURNING task.sequence, new.job
), finished AS (
    {finish_jobs}
){beside}
SELECT sequence FROM written
 UNION ALL
{notify}
 UNION ALL
SELECT NULL::bigint FROM (SELECT pg_catalog.pg_notify('{jobs_channel}', message)
                    FROM pg_catalog.unnest($2::text[]) AS message) AS told;

-- name: task_by_id
SELECT {columns} FROM bgtasks_tasks WHERE id = $1;

-- name: tasks_by_ids
-- To decide on.
SELECT {slim}, job FROM bgtasks_tasks WHERE id = ANY($1::uuid[]);

-- name: lock_tasks_by_ids
-- The same, once nobody else is changing them.
SELECT {slim}, job FROM bgtasks_tasks WHERE id = ANY($1::uuid[]) FOR UPDATE;

-- name: whole_tasks_by_ids
-- To run.
SELECT {columns}, job FROM bgtasks_tasks WHERE id = ANY($1::uuid[]);

-- name: known_ids
-- Those of these ids that are taken.
SELECT id FROM bgtasks_tasks WHERE id = ANY($1::uuid[]);

-- name: slim_by_ids
-- To show.
SELECT {slim} FROM bgtasks_tasks WHERE id = ANY($1::uuid[]);

-- name: listed_by_ids
SELECT {listed} FROM bgtasks_tasks WHERE id = ANY($1::uuid[]);

-- name: runs_to_end
-- Of the attempts that run here: those that were asked to end, or whose task is another one's now.
SELECT run.id, run.attempt
  FROM unnest($1::uuid[], $2::integer[]) AS run (id, attempt) JOIN bgtasks_tasks AS task USING (id)
 WHERE task.attempt > run.attempt OR (task.attempt = run.attempt AND task.cancel_requested);

-- name: next_type
-- The types there are, one after the other: a step for each type, not for each task.
SELECT pg_catalog.min(type) FROM bgtasks_tasks WHERE type > $1;

-- name: waiting_tasks
-- Waiting tasks of one type, from a sequence on. See `filtered_tasks`.
SELECT {slim}, job FROM bgtasks_tasks
 WHERE (type, status, sequence) > ($1, 'Pending', $2)
   AND (type, status, sequence) <= ($1, 'Pending', 9223372036854775807)
 ORDER BY type, status, sequence LIMIT $3;

-- name: newest_tasks
-- A page without filters.
SELECT {listed} FROM bgtasks_tasks WHERE sequence {beyond} $1 ORDER BY sequence {order} LIMIT $2;

-- name: filtered_tasks
-- A page as the newest of several walks, each along one index: filters that name every column
-- before `sequence` keep its order, however many tasks there are. A branch is a type and a status;
-- only those are walked whose newest tasks are the newest, as many as there are rows on the page.
-- They are compared as a row and not by `=`: then only the index has the order that is asked for.
-- With `=` the primary key has it, too, and PostgreSQL, which expects to meet what it looks for
-- soon, may walk along that: past every task there is, if none has that status.
WITH branch AS MATERIALIZED (
    SELECT wanted.type, wanted.status
      FROM unnest($3::text[], $4::text[]) AS wanted (type, status),
           LATERAL (SELECT sequence FROM bgtasks_tasks
                     WHERE (type, status, sequence) {beyond} (wanted.type, wanted.status, $1)
                       AND (type, status, sequence) {within} (wanted.type, wanted.status, {edge})
                     ORDER BY type {order}, status {order}, sequence {order} LIMIT 1) AS newest
     ORDER BY newest.sequence {order} LIMIT $2
)
SELECT {listed} FROM bgtasks_tasks WHERE sequence = ANY (ARRAY(
    SELECT found.sequence
      FROM branch,
           LATERAL (SELECT sequence FROM bgtasks_tasks
                     WHERE (type, status, sequence) {beyond} (branch.type, branch.status, $1)
                       AND (type, status, sequence) {within} (branch.type, branch.status, {edge})
                     ORDER BY type {order}, status {order}, sequence {order} LIMIT $2) AS found
     ORDER BY found.sequence {order} LIMIT $2))
 ORDER BY sequence {order};

-- name: owned_tasks
-- The same for a filter by owner. `IS NOT DISTINCT FROM` would use no index, so tasks without an
-- owner ($6: whether they are wanted) are walks of their own.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($3::text[], $4::text[]) AS wanted (type, status)
), branch AS MATERIALIZED (
    SELECT owner, type, status FROM (
        SELECT whose.owner, wanted.type, wanted.status, newest.sequence
          FROM wanted, pg_catalog.unnest($5::text[]) AS whose (owner),
               LATERAL (SELECT sequence FROM bgtasks_tasks
                         WHERE (owner, type, status, sequence)
                               {beyond} (whose.owner, wanted.type, wanted.status, $1)
                           AND (owner, type, status, sequence)
                               {within} (whose.owner, wanted.type, wanted.status, {edge})
                         ORDER BY owner {order}, type {order}, status {order}, sequence {order}
                         LIMIT 1) AS newest
        UNION ALL
        SELECT NULL, wanted.type, wanted.status, newest.sequence
          FROM wanted,
               LATERAL (SELECT sequence FROM bgtasks_tasks
                         WHERE owner IS NULL
                           AND (type, status, sequence) {beyond} (wanted.type, wanted.status, $1)
                           AND (type, status, sequence) {within} (wanted.type, wanted.status, {edge})
                         ORDER BY owner {order}, type {order}, status {order}, sequence {order}
                         LIMIT 1) AS newest
         WHERE $6) AS either
     ORDER BY sequence {order} LIMIT $2
)
SELECT {listed} FROM bgtasks_tasks WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM (
        SELECT found.sequence
          FROM branch,
               LATERAL (SELECT sequence FROM bgtasks_tasks
                         WHERE (owner, type, status, sequence)
                               {beyond} (branch.owner, branch.type, branch.status, $1)
                           AND (owner, type, status, sequence)
                               {within} (branch.owner, branch.type, branch.status, {edge})
                         ORDER BY owner {order}, type {order}, status {order}, sequence {order}
                         LIMIT $2) AS found
         WHERE branch.owner IS NOT NULL
        UNION ALL
        SELECT found.sequence
          FROM branch,
               LATERAL (SELECT sequence FROM bgtasks_tasks
                         WHERE owner IS NULL
                           AND (type, status, sequence) {beyond} (branch.type, branch.status, $1)
                           AND (type, status, sequence) {within} (branch.type, branch.status, {edge})
                         ORDER BY owner {order}, type {order}, status {order}, sequence {order}
                         LIMIT $2) AS found
         WHERE branch.owner IS NULL) AS either
     ORDER BY sequence {order} LIMIT $2))
 ORDER BY sequence {order};

-- name: searched_tasks
-- Those of these tasks ($1) to which all applies that is given. Each word is looked for by its
-- pattern, or at the beginning of an id.
SELECT {listed} FROM bgtasks_tasks AS task
 WHERE sequence = ANY($1::bigint[]) AND {searched}
 ORDER BY sequence {order} LIMIT $2;

-- name: sorted_tasks
-- The same in the order of a time; what has none comes last.
SELECT {listed} FROM bgtasks_tasks AS task
 WHERE sequence = ANY($1::bigint[]) AND {searched}
   AND ({is_first} OR (coalesce({time}, '{none}'::timestamptz), sequence)
        {beyond} (coalesce({at}, '{none}'::timestamptz), {after}))
 ORDER BY coalesce({time}, '{none}'::timestamptz) {order}, sequence {order} LIMIT $2;

-- name: count_searched
SELECT type, status, pg_catalog.count(*) FROM (
    SELECT type, status FROM bgtasks_tasks AS task
     WHERE sequence = ANY($1::bigint[]) AND {searched} LIMIT $2) AS found
 GROUP BY type, status;

-- name: failure_groups
-- Which failures there are of tasks that failed last within a time: by the index alone, but for what
-- is said of the newest of each.
SELECT found.error_group, failed, completed, retrying, first_at, last_at, types, task.id,
       attempt.error_type, attempt.error_message, attempt.frame
  FROM (SELECT error_group, pg_catalog.count(*) FILTER (WHERE status = 'Failed') AS failed,
               pg_catalog.count(*) FILTER (WHERE status = 'Completed') AS completed,
               pg_catalog.count(*) FILTER (WHERE status IN ('Pending', 'Running')) AS retrying,
               pg_catalog.min(failed_at) AS first_at, pg_catalog.max(failed_at) AS last_at,
               pg_catalog.array_agg(DISTINCT type) AS types,
               coalesce(pg_catalog.max(sequence) FILTER (WHERE status = 'Failed'),
                        pg_catalog.max(sequence)) AS sample
          FROM (SELECT error_group, type, status, failed_at, sequence FROM bgtasks_tasks
                 WHERE error_group IS NOT NULL AND failed_at >= $1 AND failed_at < $2
                   AND ($3::text[] IS NULL OR type = ANY($3::text[]))
                 ORDER BY failed_at DESC LIMIT $4) AS newest
         GROUP BY error_group ORDER BY failed DESC, last_at DESC, error_group LIMIT $5) AS found
  JOIN bgtasks_tasks AS task ON task.sequence = found.sample
  LEFT JOIN LATERAL (SELECT error_type, error_message, frame FROM bgtasks_attempts
                      WHERE task = found.sample AND error_group = found.error_group
                      ORDER BY attempt DESC LIMIT 1) AS attempt ON true
 ORDER BY failed DESC, last_at DESC, found.error_group;

-- name: failed_tasks
-- The newest tasks of a failure.
SELECT coalesce(pg_catalog.array_agg(sequence), '{}'),
       coalesce(pg_catalog.array_agg(DISTINCT type), '{}')
  FROM (SELECT sequence, type FROM bgtasks_tasks
         WHERE error_group = $1 AND failed_at >= $2 AND failed_at < $3
           AND ($4::text[] IS NULL OR type = ANY($4::text[]))
         ORDER BY failed_at DESC LIMIT $5) AS newest;

-- name: ended_tasks
-- What became final, or failed last, within a time.
SELECT coalesce(pg_catalog.array_agg(sequence), '{}') FROM (
    (SELECT sequence FROM bgtasks_tasks WHERE completed_at >= $1 AND completed_at < $2
      ORDER BY completed_at DESC LIMIT $3)
     UNION ALL
    (SELECT sequence FROM bgtasks_tasks
      WHERE error_group IS NOT NULL AND failed_at >= $1 AND failed_at < $2
      ORDER BY failed_at DESC LIMIT $3)) AS found;

-- name: facet_values
-- How many of these tasks ($1) of these types ($5) have which value of that by which they are told
-- apart ($3): of an argument at a path ($4), for one. The process is that in which the task failed
-- for the reason that is looked at ($2), else that of its newest attempt. All values that are not
-- too long ($6), or these ($7), the most frequent ($8).
SELECT value, pg_catalog.count(*) AS number
  FROM (SELECT CASE WHEN pg_catalog.length(value) <= $6 THEN value END AS value
          FROM (SELECT CASE $3::text WHEN 'owner' THEN owner
                       WHEN 'process' THEN pg_catalog.substr(coalesce(
                            (SELECT attempt.process FROM bgtasks_attempts AS attempt
                              WHERE attempt.task = task.sequence AND attempt.error_group = $2
                                AND task.error_group = $2
                              ORDER BY attempt.attempt DESC LIMIT 1), task.process), 38)
                       ELSE {argument} END AS value
                  FROM bgtasks_tasks AS task
                 WHERE sequence = ANY($1::bigint[])
                   AND ($5::text[] IS NULL OR type = ANY($5::text[]))) AS told) AS short
 WHERE $7::text[] IS NULL OR value IS NULL OR value = ANY($7::text[])
 GROUP BY value ORDER BY number DESC, value LIMIT $8;

-- name: sequences_of_error
-- The newest tasks of a failure.
SELECT sequence FROM bgtasks_tasks
 WHERE error_group = $1 AND sequence {beyond} $2 ORDER BY sequence {order} LIMIT $3;

-- name: those_that_fit
-- Those of these tasks of some types, in some states, and of some owners; $5: those without one, too.
SELECT sequence FROM bgtasks_tasks
 WHERE sequence = ANY($1::bigint[])
   AND ($2::text[] IS NULL OR type = ANY($2::text[]))
   AND ($3::text[] IS NULL OR status = ANY($3::text[]))
   AND ($4::text[] IS NULL OR owner = ANY($4::text[]) OR ($5::boolean AND owner IS NULL))
 ORDER BY sequence DESC;

-- name: count_tasks
-- From what triggers have written down of each statement that changed tasks. $1: whether tasks with
-- an owner are wanted, and those without.
SELECT type, status, pg_catalog.sum(number) FROM bgtasks_counts
 WHERE has_owner = ANY($1::boolean[])
 GROUP BY type, status HAVING pg_catalog.sum(number) > 0;

-- name: oldest_waiting
-- Of each of these types ($1) the task that could have started longest ago by the time $2: among the
-- first $3 that wait, in the order in which they were accepted.
SELECT wanted.type, found.id, found.since
  FROM pg_catalog.unnest($1::text[]) AS wanted (type),
       LATERAL (SELECT id, since
                  FROM (SELECT id, due_at,
                               greatest(CASE WHEN attempt = 0 THEN created_at ELSE changed_at END,
                                        scheduled_at) AS since
                          FROM bgtasks_tasks
                         WHERE (type, status, sequence) > (wanted.type, 'Pending', 0)
                           AND (type, status, sequence)
                               <= (wanted.type, 'Pending', 9223372036854775807)
                         ORDER BY type, status, sequence LIMIT $3) AS first
                 WHERE due_at IS NULL OR due_at <= $2
                 ORDER BY since LIMIT 1) AS found;

-- name: count_due
-- What waits for a time after $1, how much of it for another attempt, and the first of these times
-- that is one ($2 is none).
SELECT (SELECT pg_catalog.count(*) FROM bgtasks_tasks
         WHERE status = 'Pending' AND due_at > $1),
       (SELECT pg_catalog.count(*) FROM bgtasks_tasks
         WHERE status = 'Pending' AND due_at > $1 AND failures > 0),
       (SELECT pg_catalog.min(due_at) FROM bgtasks_tasks
         WHERE status = 'Pending' AND due_at > $1 AND due_at < $2);

-- name: about_running
-- Of what runs of these types: how much of it was asked to end, and what has been as it is for longest.
WITH running AS MATERIALIZED (
    SELECT task.id, task.type, task.changed_at, task.cancel_requested
      FROM pg_catalog.unnest($1::text[]) AS wanted (type),
           LATERAL (SELECT * FROM bgtasks_tasks
                     WHERE (type, status, sequence) > (wanted.type, 'Running', 0)
                       AND (type, status, sequence)
                           <= (wanted.type, 'Running', 9223372036854775807)) AS task
)
SELECT (SELECT pg_catalog.count(*) FROM running WHERE cancel_requested) AS cancelling,
       silent.id, silent.type, silent.changed_at
  FROM (VALUES (1)) AS one LEFT JOIN
       (SELECT * FROM running ORDER BY changed_at LIMIT 1) AS silent ON true;

-- name: count_owned
SELECT type, status, pg_catalog.count(*) FROM bgtasks_tasks
 WHERE owner = ANY($1::text[]) GROUP BY type, status;

-- name: sum_up_counts
-- Many small numbers become few, once there are so many that it is worth it. Several processes do
-- so: none waits for another one, and whoever reads sees either all of the old rows or the new ones.
WITH old AS (
    DELETE FROM bgtasks_counts
     WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM bgtasks_counts
            WHERE 200 <= (SELECT pg_catalog.count(*)
                            FROM (SELECT FROM bgtasks_counts WHERE NOT is_sum LIMIT 200) AS new)
            LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING type, status, has_owner, number
)
INSERT INTO bgtasks_counts (type, status, has_owner, number, is_sum)
SELECT type, status, has_owner, pg_catalog.sum(number), true FROM old
 GROUP BY type, status, has_owner HAVING pg_catalog.sum(number) <> 0;

-- name: count_owners
SELECT owner, pg_catalog.count(*) FROM (
    SELECT owner FROM bgtasks_tasks AS task
     WHERE sequence = ANY($1::bigint[]) AND {searched} LIMIT $2) AS found
 GROUP BY owner;

-- name: note_known_since
INSERT INTO bgtasks_statistics (known_since) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: known_since
SELECT known_since FROM bgtasks_statistics;

-- name: flows
-- What was counted from the minute $1 on, by points of $2 minutes, those behind the last one ($3)
-- together; of the type $4, or of all.
SELECT least((minute - $1) / $2, $3), flow, bucket, pg_catalog.sum(number)::bigint
  FROM (SELECT minute, type, flow, bucket, number FROM bgtasks_minutes WHERE minute >= $1
         UNION ALL
        SELECT minute, type, flow, bucket, number FROM bgtasks_flows WHERE minute >= $1) AS counted
 WHERE $4::text IS NULL OR type = $4
 GROUP BY 1, 2, 3;

-- name: flows_by_type
-- What was counted from the minute $1 on and before $2.
SELECT type, flow, bucket, pg_catalog.sum(number)::bigint
  FROM (SELECT type, flow, bucket, number FROM bgtasks_minutes WHERE minute >= $1 AND minute < $2
         UNION ALL
        SELECT type, flow, bucket, number FROM bgtasks_flows WHERE minute >= $1 AND minute < $2)
       AS counted
 GROUP BY 1, 2, 3;

-- name: gather_flows
-- As `sum_up_counts`. One process at a time, since they add to the same rows.
WITH lock AS MATERIALIZED (
    SELECT pg_catalog.pg_try_advisory_xact_lock(
               pg_catalog.hashtextextended('bgtasks_minutes', 0)) AS is_mine
), old AS (
    DELETE FROM bgtasks_flows
     WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM bgtasks_flows
            WHERE (SELECT is_mine FROM lock)
              AND 200 <= (SELECT pg_catalog.count(*)
                            FROM (SELECT FROM bgtasks_flows LIMIT 200) AS new)
            LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING minute, type, flow, bucket, number
)
INSERT INTO bgtasks_minutes AS kept (minute, type, flow, bucket, number)
SELECT minute, type, flow, bucket, pg_catalog.sum(number) FROM old
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, type, flow, bucket) DO UPDATE SET number = kept.number + excluded.number;

-- name: sum_up_flows
-- Let the first hour ($3 minutes) of which minutes are kept stand for them; when it ends.
WITH first AS (
    SELECT minute - minute % $3 AS hour FROM bgtasks_minutes
     WHERE minute >= $1 AND minute < $2 AND minute % $3 <> 0 ORDER BY minute LIMIT 1
), old AS (
    DELETE FROM bgtasks_minutes AS fine USING first
     WHERE fine.minute > first.hour AND fine.minute < first.hour + $3
    RETURNING first.hour, fine.type, fine.flow, fine.bucket, fine.number
), summed_up AS (
    INSERT INTO bgtasks_minutes AS kept (minute, type, flow, bucket, number)
    SELECT hour, type, flow, bucket, pg_catalog.sum(number) FROM old
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (minute, type, flow, bucket)
        DO UPDATE SET number = kept.number + excluded.number
)
SELECT hour + $3 FROM first;

-- name: drop_flows
WITH minutes AS (
    DELETE FROM bgtasks_minutes WHERE minute < $1
), flows AS (
    DELETE FROM bgtasks_flows WHERE minute < $1
)
UPDATE bgtasks_statistics SET known_since = pg_catalog.to_timestamp($1::bigint * 60)
 WHERE known_since < pg_catalog.to_timestamp($1::bigint * 60);

-- name: accepted_before
-- The newest task before a sequence.
SELECT sequence, created_at, id FROM bgtasks_tasks
 WHERE sequence < $1 ORDER BY sequence DESC LIMIT 1;

-- name: prune
-- What became final within a span of time, of some kinds of tasks ($5), or of all others ($6). Several
-- processes prune: none waits for what another one is dropping. A task stays that holds its key for a
-- time.
DELETE FROM bgtasks_tasks
 WHERE sequence = ANY (ARRAY(
       SELECT sequence FROM bgtasks_tasks
        WHERE completed_at IS NOT NULL AND completed_at < $1
          AND ($4::timestamptz IS NULL OR completed_at >= $4)
          AND (held_key IS NULL OR key_until <= $3)
          AND (type || '/' || status = ANY ($5::text[])) <> $6::boolean
        ORDER BY completed_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1;

-- name: take_ended
-- Ends of which hooks may be told now, for one of many processes.
UPDATE bgtasks_tasks SET tell_at = $2
 WHERE sequence = ANY (ARRAY(
       SELECT sequence FROM bgtasks_tasks
        WHERE completed_at IS NOT NULL AND tell_at < '9000-01-01 00:00:00+00' AND tell_at <= $1
        ORDER BY tell_at LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING {slim};

-- name: end_was_told
-- One that was retried meanwhile has another revision.
UPDATE bgtasks_tasks AS task SET tell_at = '9000-01-01 00:00:00+00'
  FROM unnest($1::bigint[], $2::bigint[]) AS ended (sequence, revision)
 WHERE task.sequence = ended.sequence AND task.revision = ended.revision;

-- name: delete_final
DELETE FROM bgtasks_tasks WHERE id = $1 AND completed_at IS NOT NULL RETURNING 1;

-- name: horizon
-- Every transaction before this one has ended: what it changed can be read.
SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint;

-- name: echo
-- A notification to oneself. When it is heard, everything before the horizon has been heard.
SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint,
       pg_catalog.pg_notify($1, '');

-- name: changed_since
-- What transactions changed that may not have ended at an earlier moment ($1), and everything that
-- runs, which reports change without a trace. The upper bound leaves out numbers from before a
-- dump was restored into a new server.
SELECT id FROM bgtasks_tasks
 WHERE changed_by >= $1
   AND changed_by < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint
 UNION
SELECT id FROM bgtasks_tasks WHERE type = ANY($2::text[]) AND status = 'Running';

-- name: beat
-- This process lives. The server's clock is the one that counts for all.
INSERT INTO bgtasks_processes (id, host, pid, runs_tasks, types, running, max_concurrency,
                               release, loop_lag_ms, rss_bytes, tasks)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO UPDATE
   SET seen_at = pg_catalog.clock_timestamp(), runs_tasks = excluded.runs_tasks,
       types = excluded.types, running = excluded.running, release = excluded.release,
       loop_lag_ms = excluded.loop_lag_ms, rss_bytes = excluded.rss_bytes, tasks = excluded.tasks
RETURNING seen_at, pg_catalog.pg_postmaster_start_time() AS server_started_at;

-- name: leave
DELETE FROM bgtasks_processes WHERE id = $1;

-- name: forget_dead
DELETE FROM bgtasks_processes WHERE seen_at < pg_catalog.clock_timestamp() - interval '1 day';

-- name: processes
SELECT id, host, pid, runs_tasks, types, running, max_concurrency, started_at, seen_at,
       release, loop_lag_ms, rss_bytes, tasks,
       seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1) AS alive
  FROM bgtasks_processes ORDER BY started_at;

-- name: lives
-- Whether one of these processes has been heard of.
SELECT EXISTS (SELECT FROM bgtasks_processes WHERE id = ANY($1::uuid[])
                  AND seen_at >= pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2));

-- name: known_types
-- Types that some process has registered and lives.
SELECT DISTINCT pg_catalog.unnest(types) FROM bgtasks_processes
 WHERE seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1);

-- name: pause_type
-- One that is paused stays so since then. Every process is told, this one too.
WITH paused AS (
    INSERT INTO bgtasks_types AS type (name, paused_at, pause_reason)
    VALUES ($1, pg_catalog.clock_timestamp(), $2)
        ON CONFLICT (name) DO UPDATE
       SET paused_at = coalesce(type.paused_at, excluded.paused_at),
           pause_reason = excluded.pause_reason
)
SELECT pg_catalog.pg_notify('{types_channel}', '');

-- name: add_pauses
-- As they were in another store.
WITH paused AS (
    INSERT INTO bgtasks_types AS type (name, paused_at, pause_reason)
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS new (name, since, reason)
     ORDER BY name
        ON CONFLICT (name) DO UPDATE
       SET paused_at = excluded.paused_at, pause_reason = excluded.pause_reason
     WHERE type.paused_at IS NULL
)
SELECT pg_catalog.pg_notify('{types_channel}', '');

-- name: resume_type
WITH resumed AS (
    UPDATE bgtasks_types SET paused_at = NULL, pause_reason = NULL
     WHERE name = $1 AND paused_at IS NOT NULL
)
SELECT pg_catalog.pg_notify('{types_channel}', '');

-- name: paused_types
SELECT name, paused_at, pause_reason FROM bgtasks_types WHERE paused_at IS NOT NULL;

-- name: types
-- What is kept of types, and how many of their tasks wait and run: by the index alone.
SELECT wanted.name, kept.paused_at, kept.pause_reason,
       (SELECT pg_catalog.count(*) FROM bgtasks_tasks
         WHERE (type, status, sequence) >= (wanted.name, 'Pending', 0)
           AND (type, status, sequence) <= (wanted.name, 'Pending', 9223372036854775807)),
       (SELECT pg_catalog.count(*) FROM bgtasks_tasks
         WHERE (type, status, sequence) >= (wanted.name, 'Running', 0)
           AND (type, status, sequence) <= (wanted.name, 'Running', 9223372036854775807))
  FROM pg_catalog.unnest($1::text[]) AS wanted (name) LEFT JOIN bgtasks_types AS kept USING (name);

-- name: lock_turns
-- Nobody else gives or takes turns of these keys until the transaction ends. Always in one order, so
-- that nobody waits for somebody who waits for him.
SELECT pg_catalog.pg_advisory_xact_lock(lock)
  FROM (SELECT DISTINCT pg_catalog.hashtextextended(type || E'\x01' || key, 0) AS lock
          FROM unnest($1::text[], $2::text[]) AS turn (type, key) ORDER BY lock) AS locks;

-- name: try_lock_turns
-- The same, without waiting: those that nobody else has.
SELECT type, key FROM unnest($1::text[], $2::text[]) AS turn (type, key)
 WHERE pg_catalog.pg_try_advisory_xact_lock(
           pg_catalog.hashtextextended(type || E'\x01' || key, 0));

-- name: turns_taken
-- How many tasks of each key have their turn.
SELECT turn.type, turn.key,
       (SELECT pg_catalog.count(*) FROM bgtasks_tasks AS task
         WHERE task.type = turn.type AND task.turn_key = turn.key AND task.turn_key IS NOT NULL
           AND NOT task.held AND task.due_at IS NULL AND task.status IN ('Pending', 'Running'))
  FROM unnest($1::text[], $2::text[]) AS turn (type, key);

-- name: next_held
-- So many of each key ($3) whose turn comes next.
SELECT {slim}, job
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS turn (of_type, of_key, free)
 CROSS JOIN LATERAL (SELECT * FROM bgtasks_tasks
                      WHERE held AND type = turn.of_type AND turn_key = turn.of_key
                      ORDER BY priority DESC, sequence LIMIT turn.free) AS task;

-- name: held_turns
-- The keys in which somebody waits for a turn: a step of the index for each, not for each task.
WITH RECURSIVE next AS (
    (SELECT type, turn_key FROM bgtasks_tasks WHERE held ORDER BY type, turn_key LIMIT 1)
    UNION ALL
    SELECT found.type, found.turn_key
      FROM next
     CROSS JOIN LATERAL (SELECT type, turn_key FROM bgtasks_tasks
                          WHERE held AND (type, turn_key) > (next.type, next.turn_key)
                          ORDER BY type, turn_key LIMIT 1) AS found
)
SELECT type, turn_key FROM next;

-- name: schedules
SELECT {schedule} FROM bgtasks_schedules WHERE name > $1 ORDER BY name LIMIT $2;

-- name: schedules_by_name
SELECT {schedule} FROM bgtasks_schedules WHERE name = ANY($1::text[]) ORDER BY name;

-- name: registered_schedules
-- Those of these that a process has registered which lives.
SELECT DISTINCT known.name
  FROM bgtasks_processes AS process, pg_catalog.unnest(process.schedules) AS known (name)
 WHERE process.seen_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)
   AND known.name = ANY($1::text[]);

-- name: add_schedules
-- Only those that are not there.
INSERT INTO bgtasks_schedules ({schedule})
SELECT * FROM unnest({schedule_arrays}) AS new ({schedule})
 ORDER BY name ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: put_schedules
-- The process that registers them last wins. A pause, and what has come of them so far, stay. In the
-- order of their names, so that two processes that start at once wait for each other and no more.
INSERT INTO bgtasks_schedules AS schedule ({schedule})
SELECT * FROM unnest({schedule_arrays}) AS new ({schedule})
 ORDER BY name
    ON CONFLICT (name) DO UPDATE
   SET type = excluded.type, spec = excluded.spec, digest = excluded.digest,
       next_tick = excluded.next_tick, due_at = excluded.due_at, seen_at = excluded.seen_at
RETURNING name;

-- name: attend_schedules
WITH seen AS (
    UPDATE bgtasks_schedules SET seen_at = pg_catalog.clock_timestamp()
     WHERE name = ANY (ARRAY(
           SELECT name FROM bgtasks_schedules
            WHERE name = ANY($1::text[])
              AND seen_at < pg_catalog.clock_timestamp() - interval '10 minutes'
            ORDER BY name FOR UPDATE))
)
UPDATE bgtasks_processes SET schedules = $1::text[] WHERE id = $2;

-- name: lock_schedule
-- The compare of a compare-and-set, and which tasks of the schedule have not ended: whether each of
-- them is held. The lock is kept until the transaction has set.
SELECT ARRAY(SELECT coalesce(task.due_at = {held}, false) FROM bgtasks_tasks AS task
              WHERE task.schedule = schedule.name AND task.completed_at IS NULL) AS unfinished
  FROM bgtasks_schedules AS schedule
 WHERE name = $1 AND digest = $2 AND next_tick = $3 AND paused_at IS NULL
   AND due_at <= pg_catalog.clock_timestamp()
   FOR UPDATE;

-- name: advance_schedule
-- A tick has come ($9 is the notification of it). All but the last ticks are forgotten.
WITH advanced AS (
    UPDATE bgtasks_schedules
       SET next_tick = $2, due_at = $3, last_tick = $4,
           last_task = coalesce($5::uuid, last_task),
           skipped = skipped + CASE WHEN $6 = 'skipped' THEN 1 ELSE 0 END,
           last_error = CASE WHEN $6 = 'failed' THEN $8 ELSE last_error END
     WHERE name = $1
), kept AS (
    INSERT INTO bgtasks_schedule_ticks (schedule, tick, outcome, task, missed, message)
    VALUES ($1, $4, $6, $5::uuid, $7, $8)
        ON CONFLICT (schedule, tick) DO UPDATE
       SET outcome = excluded.outcome, task = excluded.task, missed = excluded.missed,
           message = excluded.message
), forgotten AS (
    DELETE FROM bgtasks_schedule_ticks
     WHERE schedule = $1
       AND tick <= (SELECT tick FROM bgtasks_schedule_ticks WHERE schedule = $1
                     ORDER BY tick DESC LIMIT 1 OFFSET $10)
)
SELECT pg_catalog.pg_notify('{channel}', $9);

-- name: note_run
WITH noted AS (
    UPDATE bgtasks_schedules SET last_task = $2 WHERE name = $1 RETURNING name
)
SELECT name, pg_catalog.pg_notify('{channel}', $3) FROM noted;

-- name: pause_schedule
WITH paused AS (
    UPDATE bgtasks_schedules SET paused_at = coalesce(paused_at, $2) WHERE name = $1 RETURNING name
)
SELECT name, pg_catalog.pg_notify('{channel}', $3) FROM paused;

-- name: resume_schedule
WITH resumed AS (
    UPDATE bgtasks_schedules SET paused_at = NULL, next_tick = $2, due_at = $3
     WHERE name = $1 AND paused_at IS NOT NULL RETURNING name
)
SELECT name, pg_catalog.pg_notify('{channel}', $4) FROM resumed;

-- name: ticks_of_schedules
SELECT schedule, tick, outcome, task, missed, message FROM bgtasks_schedule_ticks
 WHERE schedule = ANY($1::text[]) ORDER BY schedule, tick DESC;

-- name: release_held
-- Tasks whose turn has come: nothing else of their schedules has still to end. The engine's job is
-- another one then, for it tells of new jobs alone. Jobs are locked first, as by whoever cancels.
WITH turn AS MATERIALIZED (
    SELECT task.sequence, task.job FROM bgtasks_tasks AS task
     WHERE task.schedule = ANY($1::text[]) AND task.completed_at IS NULL
       AND task.due_at = {held} AND task.status || '' = 'Pending'
       AND NOT EXISTS (SELECT FROM bgtasks_tasks AS other
                        WHERE other.schedule = task.schedule AND other.completed_at IS NULL
                          AND other.due_at IS DISTINCT FROM {held})
), withdrawn AS MATERIALIZED (
    {withdraw_jobs}
), written AS (
    UPDATE bgtasks_tasks AS task
       SET job = {next_job},
           -- With a key, whose turn it is is decided when it is claimed.
           due_at = CASE WHEN turn_key IS NOT NULL THEN pg_catalog.clock_timestamp() END
      FROM withdrawn
     WHERE task.sequence IN (SELECT sequence FROM turn) AND task.job = withdrawn.id
       AND task.status || '' = 'Pending'
    RETURNING task.id, task.job, task.type, task.priority, '0'::interval AS wait
)
{queue_jobs};

-- name: drop_schedules
-- Those that no process has had registered for long.
DELETE FROM bgtasks_schedules
 WHERE seen_at < $1
   AND NOT EXISTS (SELECT FROM bgtasks_processes AS process
                    WHERE process.seen_at > pg_catalog.clock_timestamp()
                                            - pg_catalog.make_interval(secs => $2)
                      AND bgtasks_schedules.name = ANY(process.schedules));

-- name: keep_types
INSERT INTO bgtasks_types (name) SELECT pg_catalog.unnest($1::text[]) ON CONFLICT DO NOTHING;

-- name: lock_rates
-- What the rates of types have left, for a claim: whoever has one claims, the others leave it out.
SELECT name, tokens, refilled_at, pg_catalog.clock_timestamp()
  FROM bgtasks_types WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE SKIP LOCKED;

-- name: keep_tokens
UPDATE bgtasks_types AS type SET tokens = new.tokens, refilled_at = new.refilled_at
  FROM unnest($1::text[], $2::double precision[], $3::timestamptz[])
       AS new (name, tokens, refilled_at)
 WHERE type.name = new.name;

-- name: newest_log_chunks
-- The newest rows of the logs of tasks, without their lines; of those tasks whose newest attempt is
-- the given one. What is written after this in the transaction need not be durable by itself: an
-- outcome that is committed later makes it so.
SELECT task.sequence, task.attempt, newest.*
  FROM unnest($1::bigint[], $2::integer[]) AS given (task, attempt)
  JOIN bgtasks_tasks AS task ON task.sequence = given.task AND task.attempt = given.attempt
  LEFT JOIN LATERAL (
       SELECT first, last, attempt, until, kept_from, of_task, total, size, '' AS lines
         FROM bgtasks_log_chunks WHERE task = given.task ORDER BY first DESC LIMIT 1) AS newest ON true
 CROSS JOIN (SELECT pg_catalog.set_config('synchronous_commit', 'off', true)) AS lazily (is_off)
 ORDER BY task.sequence FOR KEY SHARE OF task;

-- name: add_log_chunks
-- Adds rows, drops those that are no longer kept ($11 to $14: of each task the first new row, the
-- oldest number that is kept, and after how many bytes that is), and tells of the tasks ($15).
-- Returns the tasks of rows that were there already, from another attempt: nothing is left out of
-- a log but as a whole.
WITH given AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[],
                         $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])
        AS chunk (task, first, last, attempt, until, kept_from, of_task, total, size, lines)
), added AS (
    INSERT INTO bgtasks_log_chunks
           (task, first, last, attempt, until, kept_from, of_task, total, size, lines)
    SELECT task, first, last, attempt, until, kept_from, of_task, total, size, lines FROM given
        ON CONFLICT (task, first) DO NOTHING
    RETURNING task, first
), dropped AS (
    DELETE FROM bgtasks_log_chunks AS chunk
     USING unnest($11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])
           AS kept (task, first, kept_from, after)
     WHERE chunk.task = kept.task AND chunk.first < kept.first
       AND (chunk.last < kept.kept_from OR chunk.total - chunk.size < kept.after)
)
SELECT DISTINCT given.task FROM given
 WHERE NOT EXISTS (SELECT FROM added
                    WHERE added.task = given.task AND added.first = given.first)
 UNION ALL
SELECT NULL FROM (SELECT pg_catalog.pg_notify('{channel}', message)
                    FROM pg_catalog.unnest($15::text[]) AS message) AS told;

-- name: log_ends
-- The sequence of a task, the oldest number of its log, and the newest row without its lines.
SELECT task.sequence,
       (SELECT first FROM bgtasks_log_chunks WHERE task = task.sequence ORDER BY first LIMIT 1),
       newest.*
  FROM bgtasks_tasks AS task
 CROSS JOIN LATERAL (
       SELECT first, last, attempt, until, kept_from, of_task, total, size, '' AS lines
         FROM bgtasks_log_chunks WHERE task = task.sequence ORDER BY first DESC LIMIT 1) AS newest
 WHERE task.id = $1;

-- name: log_chunks_behind
-- Those that have lines behind a number ($2): so many of them at most ($3), and of so many bytes.
WITH start AS (
    SELECT first, total - size AS before FROM bgtasks_log_chunks
     WHERE task = $1 AND last > $2
       AND first >= coalesce((SELECT pg_catalog.max(first) FROM bgtasks_log_chunks
                               WHERE task = $1 AND first <= $2 + 1), 0)
     ORDER BY first LIMIT 1
)
SELECT chunk.first, last, attempt, until, kept_from, of_task, total, size, lines
  FROM start, bgtasks_log_chunks AS chunk
 WHERE chunk.task = $1 AND chunk.first >= start.first
   AND chunk.total - chunk.size < start.before + $4
 ORDER BY chunk.first LIMIT $3;
