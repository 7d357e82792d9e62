-- A file that release 0.1.0 wrote and left as a crash does: schema version 1.
BEGIN TRANSACTION;
CREATE TABLE failures (
    task          INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE,
    attempt       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    error_message TEXT    NOT NULL,
    traceback     TEXT,
    ended_at      INTEGER NOT NULL,
    PRIMARY KEY (task, attempt)
) WITHOUT ROWID;
INSERT INTO "failures" VALUES(2,1,'failed','disk on fire','Traceback (most recent call last):
  File "attempt.py", line 179, in _work
    await self._execute(worker, context)
  File "attempt.py", line 209, in _execute
    await worker.execute(context)
  File "fixture.py", line 23, in execute
    raise ValueError("disk on fire")
ValueError: disk on fire
',1795734859266092);
INSERT INTO "failures" VALUES(4,1,'failed','disk on fire','Traceback (most recent call last):
  File "attempt.py", line 179, in _work
    await self._execute(worker, context)
  File "attempt.py", line 209, in _execute
    await worker.execute(context)
  File "fixture.py", line 23, in execute
    raise ValueError("disk on fire")
ValueError: disk on fire
',1795734859385996);
CREATE TABLE tasks (
    sequence         INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    type             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    data             TEXT    NOT NULL,
    owner            TEXT,
    priority         INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    progress         REAL    NOT NULL,
    payload          TEXT,
    status_message   TEXT,
    error_message    TEXT,
    created_at       INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    started_at       INTEGER,
    completed_at     INTEGER,
    scheduled_at     INTEGER,
    due_at           INTEGER,
    revision         INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    interruptions    INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL
);
INSERT INTO "tasks" VALUES(1,X'01A21A236DCF7DF4B826386C94FC8D81','CopyTask','CopyTask','{"id":"01a21a23-6dcf-7df4-b826-386c94fc8d81","source":"completed","fail":false,"slow":false}','ann',0,'Completed',100.0,'{"copiedBytes":4,"note":"\u00e4"}','half way – ½',NULL,1795734859219823,1795734859227010,1795734859223323,1795734859227010,NULL,NULL,3,1,0,0,0);
INSERT INTO "tasks" VALUES(2,X'01A21A236DF077F9ADE574B7613BBB9C','CopyTask','CopyTask','{"id":"01a21a23-6df0-77f9-ade5-74b7613bbb9c","source":"failed","fail":true,"slow":false}','bob',3,'Failed',40.0,'{"copiedBytes":4,"note":"\u00e4"}','half way – ½','disk on fire',1795734859248093,1795734859266092,1795734859260353,1795734859266092,NULL,NULL,3,1,1,0,0);
INSERT INTO "tasks" VALUES(3,X'01A21A236E087CD4B5D81DA6651F3268','CopyTask','CopyTask','{"id":"01a21a23-6e08-7cd4-b5d8-1da6651f3268","source":"cancelled","fail":false,"slow":false}',NULL,0,'Cancelled',0.0,NULL,'Pending',NULL,1795734859272626,1795734859276193,NULL,1795734859276193,NULL,NULL,2,0,0,0,1);
INSERT INTO "tasks" VALUES(4,X'01A21A236E5C7EBB9B341A0541A5816E','CopyTask','CopyTask','{"id":"01a21a23-6e5c-7ebb-9b34-1a0541a5816e","source":"waiting for another attempt","fail":true,"slow":false}',NULL,0,'Pending',40.0,'{"copiedBytes":4,"note":"\u00e4"}','Waiting for the next attempt','disk on fire',1795734859357829,1795734859385996,1795734859371761,NULL,1815734859385996,1815734859385996,3,1,1,0,0);
INSERT INTO "tasks" VALUES(5,X'01A21A236E8374B0BA78FC1ECC58CA59','CopyTask','CopyTask','{"id":"01a21a23-6e83-74b0-ba78-fc1ecc58ca59","source":"running","fail":false,"slow":true}','ann',0,'Running',40.0,'{"copiedBytes":4,"note":"\u00e4"}','half way – ½',NULL,1795734859395893,1795734859590564,1795734859395970,NULL,NULL,NULL,3,1,0,0,0);
INSERT INTO "tasks" VALUES(6,X'01A21A23707C75BB8DBAC6A29702FD20','CopyTask','CopyTask','{"id":"01a21a23-707c-75bb-8dba-c6a29702fd20","source":"waiting","fail":false,"slow":false}',NULL,0,'Pending',0.0,NULL,'Pending',NULL,1795734859900274,1795734859900274,NULL,NULL,NULL,NULL,1,0,0,0,0);
INSERT INTO "tasks" VALUES(7,X'01A21A23708077DE97CBD173DC52410B','CopyTask','CopyTask','{"id":"01a21a23-7080-77de-97cb-d173dc52410b","source":"waiting, first","fail":false,"slow":false}','zoë',9,'Pending',0.0,NULL,'Pending',NULL,1795734859904865,1795734859904865,NULL,NULL,NULL,NULL,1,0,0,0,0);
INSERT INTO "tasks" VALUES(8,X'01A21A237094766A965AA3314DCD0454','CopyTask','CopyTask','{"id":"01a21a23-7094-766a-965a-a3314dcd0454","source":"delayed","fail":false,"slow":false}',NULL,0,'Pending',0.0,NULL,'Pending',NULL,1795734859924745,1795734859924745,NULL,NULL,2054934859924673,2054934859924673,1,0,0,0,0);
INSERT INTO "tasks" VALUES(9,X'01A21A23709F7F298AEE7B40019A9D1F','CopyTask','CopyTask','{"id":"01a21a23-709f-7f29-8aee-7b40019a9d1f","source":"at a time","fail":false,"slow":false}',NULL,0,'Pending',0.0,NULL,'Pending',NULL,1795734859935138,1795734859935138,NULL,NULL,2082758400000000,2082758400000000,1,0,0,0,0);
INSERT INTO "tasks" VALUES(10,X'01A21A2370A7754283EF4F36D193CB1C','GoneTask','GoneTask','{"id":"01a21a23-70a7-7542-83ef-4f36d193cb1c"}',NULL,0,'Pending',0.0,NULL,'Pending',NULL,1795734859943776,1795734859943776,NULL,NULL,2054934859943122,2054934859943122,1,0,0,0,0);
CREATE INDEX tasks_ready ON tasks (type, priority DESC, sequence)
    WHERE status = 'Pending' AND due_at IS NULL;
CREATE INDEX tasks_due ON tasks (due_at)
    WHERE status = 'Pending' AND due_at IS NOT NULL;
CREATE INDEX tasks_by_status ON tasks (status);
CREATE INDEX tasks_by_type   ON tasks (type, status);
CREATE INDEX tasks_by_owner  ON tasks (owner, type, status);
CREATE INDEX tasks_finished ON tasks (completed_at) WHERE completed_at IS NOT NULL;
COMMIT;
PRAGMA application_id = 1650947187;
PRAGMA user_version = 1;
