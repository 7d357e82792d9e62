-- Compatible from: 1
-- How many tasks there are of each type in each status, exactly and at once. Triggers write down what
-- each statement changes, whichever release it is of: rows are added and never changed, so that
-- nobody waits for anybody. The number is their sum; each process sums them up from time to time.

CREATE TABLE bgtasks_counts (
    type      text    NOT NULL,
    status    text    NOT NULL,
    has_owner boolean NOT NULL,
    number    bigint  NOT NULL,
    is_sum    boolean NOT NULL DEFAULT false
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

-- The schema is named, as whoever writes may have another search path.
DO $outer$ BEGIN EXECUTE pg_catalog.format($create$
CREATE FUNCTION %1$I.bgtasks_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO %1$I.bgtasks_counts (type, status, has_owner, number)
        SELECT type, status, owner IS NOT NULL, pg_catalog.count(*) FROM new_rows GROUP BY 1, 2, 3;
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
    END IF;
    RETURN NULL;
END
$body$
$create$, pg_catalog.current_schema()); END $outer$;

CREATE TRIGGER bgtasks_count_new AFTER INSERT ON bgtasks_tasks
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION bgtasks_count();
CREATE TRIGGER bgtasks_count_changed AFTER UPDATE ON bgtasks_tasks
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION bgtasks_count();
CREATE TRIGGER bgtasks_count_dropped AFTER DELETE ON bgtasks_tasks
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION bgtasks_count();
CREATE TRIGGER bgtasks_count_none AFTER TRUNCATE ON bgtasks_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION bgtasks_count();

-- From here to the commit nobody else changes tasks.
INSERT INTO bgtasks_counts (type, status, has_owner, number, is_sum)
SELECT type, status, owner IS NOT NULL, pg_catalog.count(*), true FROM bgtasks_tasks GROUP BY 1, 2, 3;
