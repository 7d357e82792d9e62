-- What waits for another attempt is counted by an index alone. Other tasks are not in it.

CREATE INDEX tasks_retrying ON tasks (due_at)
    WHERE status = 'Pending' AND due_at IS NOT NULL AND failures > 0;
