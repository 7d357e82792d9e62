-- Compatible from: 1
-- How many tasks went from one status to another in each minute (counted since 1970), by their type and
-- by how long they had waited or run (`bgtasks/core/flows.py`). The triggers write down the flows of each
-- statement, as they do the numbers of tasks: rows are added and never changed, so that nobody waits for
-- anybody. Each process sums them up from time to time; older minutes are summed up to hours.

CREATE TABLE bgtasks_flows (
    minute integer  NOT NULL,
    type   text     NOT NULL,
    flow   smallint NOT NULL,
    bucket smallint NOT NULL,
    number bigint   NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE bgtasks_minutes (
    minute integer  NOT NULL,
    type   text     NOT NULL,
    flow   smallint NOT NULL,
    bucket smallint NOT NULL,
    number bigint   NOT NULL,
    PRIMARY KEY (minute, type, flow, bucket)
);

-- Since when that is complete: one row.
CREATE TABLE bgtasks_statistics (
    is_the_one  boolean     PRIMARY KEY DEFAULT true CHECK (is_the_one),
    known_since timestamptz NOT NULL
);

DO $outer$ BEGIN EXECUTE pg_catalog.format($create$
-- See `bucket_of`.
CREATE FUNCTION %1$I.bgtasks_bucket(span interval) RETURNS smallint LANGUAGE sql IMMUTABLE AS $body$
    SELECT CASE WHEN microseconds < 100 THEN 0
                ELSE least(150, 1 + pg_catalog.floor(
                         pg_catalog.ln(microseconds / 100) * 5.770780163555854::double precision))
           END::smallint
      FROM (SELECT (extract(epoch FROM span) * 1000000)::double precision AS microseconds) AS it
$body$;

CREATE OR REPLACE FUNCTION %1$I.bgtasks_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO %1$I.bgtasks_counts (type, status, has_owner, number)
        SELECT type, status, owner IS NOT NULL, pg_catalog.count(*) FROM new_rows GROUP BY 1, 2, 3;
        INSERT INTO %1$I.bgtasks_flows (minute, type, flow, bucket, number)
        SELECT pg_catalog.floor(extract(epoch FROM created_at) / 60)::integer, type,
               CASE status WHEN 'Pending' THEN 1 WHEN 'Running' THEN 10 ELSE 11 END, 0,
               pg_catalog.count(*)
          FROM new_rows GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO %1$I.bgtasks_counts (type, status, has_owner, number)
        SELECT type, status, owner IS NOT NULL, -pg_catalog.count(*) FROM old_rows GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'TRUNCATE' THEN
        DELETE FROM %1$I.bgtasks_counts;
    ELSE
        INSERT INTO %1$I.bgtasks_counts (type, status, has_owner, number)
        SELECT type, status, has_owner, pg_catalog.sum(number)
          FROM (SELECT type, status, owner IS NOT NULL AS has_owner, 1 AS number FROM new_rows
                 UNION ALL
                SELECT type, status, owner IS NOT NULL, -1 FROM old_rows) AS moved
         GROUP BY 1, 2, 3 HAVING pg_catalog.sum(number) <> 0;
        -- This is `flow_of` once more: a test holds them equal.
        INSERT INTO %1$I.bgtasks_flows (minute, type, flow, bucket, number)
        SELECT pg_catalog.floor(extract(epoch FROM at) / 60)::integer, type, flow,
               CASE flow
                   WHEN 2 THEN %1$I.bgtasks_bucket(at - greatest(waits_since, scheduled_at))
                   WHEN 6 THEN 0
                   WHEN 8 THEN 0
                   WHEN 9 THEN 0
                   ELSE %1$I.bgtasks_bucket(at - coalesce(started_at, at))
               END,
               pg_catalog.count(*)
          FROM (SELECT was.type, new_rows.changed_at AS at, was.started_at, was.scheduled_at,
                       CASE WHEN was.attempt = 0 THEN was.created_at ELSE was.changed_at END
                           AS waits_since,
                       CASE WHEN new_rows.status = 'Running' THEN 2
                            WHEN was.status <> 'Running'
                            THEN CASE new_rows.status WHEN 'Pending' THEN 9 ELSE 6 END
                            WHEN new_rows.status = 'Completed' THEN 3
                            WHEN new_rows.status = 'Failed' THEN 4
                            WHEN new_rows.status = 'Cancelled' THEN 5
                            WHEN new_rows.failures <> was.failures THEN 7
                            ELSE 8
                       END AS flow
                  FROM new_rows JOIN old_rows AS was USING (sequence)
                 WHERE new_rows.status <> was.status) AS changed
         GROUP BY 1, 2, 3, 4;
    END IF;
    RETURN NULL;
END
$body$
$create$, pg_catalog.current_schema()); END $outer$;
