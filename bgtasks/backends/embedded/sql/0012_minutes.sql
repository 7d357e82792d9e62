-- How many tasks went from one status to another in each minute, by their type and by how long they had
-- waited or run (`bgtasks/core/flows.py`). Older minutes are summed up to hours.

CREATE TABLE minutes (
    minute INTEGER NOT NULL,
    type   TEXT    NOT NULL,
    flow   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (minute, type, flow, bucket)
) WITHOUT ROWID;

-- Since when that is complete: one row.
CREATE TABLE statistics (known_since INTEGER NOT NULL);
