"""Finished tasks by the thousand, written by one statement as the library would have."""

__all__ = ["FILL", "filling"]

FILL = """
INSERT INTO bgtasks_tasks (id, job, type, name, data, owner, priority, status, progress, payload,
                           status_message, created_at, changed_at, started_at, completed_at,
                           revision, attempt, failures, interruptions, cancel_requested)
SELECT gen_random_uuid(), 0, CASE WHEN n % 3 = 0 THEN 'Other' ELSE 'Quick' END,
       'Copy movie ' || n || '.mkv',
       '{"source":"/in/' || n || '.mkv","destination":"/out/' || n || '.mkv"}',
       (ARRAY[NULL, 'ada', 'grace', 'linus'])[n % 7 % 4 + 1], 0,
       (ARRAY['Completed', 'Completed', 'Completed', 'Completed', 'Completed', 'Completed',
              'Completed', 'Completed', 'Failed', 'Cancelled'])[n % 10 + 1],
       100, '{"copiedBytes":100,"totalBytes":100,"currentPath":null}', 'movie ' || n || '.mkv',
       at, at + interval '3 microseconds', at + interval '1 microsecond',
       at + interval '3 microseconds', 3, 1, 0, 0, false
  FROM generate_series(1, $count) AS n,
       LATERAL (SELECT timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second') AS now (at)
"""


def filling(count: int) -> str:
    """The statement for so many tasks, of three owners and of nobody."""
    return FILL.replace("$count", str(count))
