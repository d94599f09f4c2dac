"""The tables of the tower's one database, and how an older file gets there: number n takes it from schema n to n + 1.

Each only adds tables, so that `edge.alert.rollback` can take them out again for an older firetower.
"""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of opening, whatever the clocks say
        id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        phase TEXT NOT NULL,
        document TEXT NOT NULL                  -- the newest revision, JSON
    ) STRICT;
    CREATE INDEX event_phase ON event (phase, seq);
    CREATE TABLE evidence (
        seq INTEGER NOT NULL REFERENCES event (seq) ON DELETE CASCADE,
        revision INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (seq, revision)
    ) STRICT
    """,
    """
    CREATE TABLE subject (               -- an event, as the outbox sees it
        event TEXT PRIMARY KEY,
        opening INTEGER NOT NULL,        -- the order of opening
        open INTEGER NOT NULL,
        alert INTEGER NOT NULL,
        listed INTEGER NOT NULL,         -- whether it is only listed, in a storm or a snooze
        word TEXT,                       -- the newest that a person said of it
        step INTEGER NOT NULL,           -- of escalation that it went to; 0: none
        boot TEXT NOT NULL,
        since_ns INTEGER NOT NULL        -- monotonic time of that boot: of becoming an alert, or of the last step
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE message (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,              -- opened, alerted, updated, closed, reviewed, picture, storm, note
        event TEXT,                      -- NULL of a note
        revision INTEGER NOT NULL,       -- 0 of a note
        role TEXT NOT NULL,              -- of a picture; of a note what it is about
        boot TEXT NOT NULL,
        since_ns INTEGER NOT NULL,       -- monotonic time of that boot at which it was committed
        bytes INTEGER NOT NULL,
        document TEXT NOT NULL,          -- JSON
        jpeg BLOB
    ) STRICT;
    CREATE INDEX message_event ON message (event);
    CREATE TABLE delivery (              -- a message that a sink is owed
        sink TEXT NOT NULL,
        message INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
        state TEXT NOT NULL,             -- waiting, unheard, timed (until since_ns), held (for an escalation)
        sent INTEGER NOT NULL,           -- whether it was ever handed over
        step INTEGER NOT NULL,           -- of escalation that sends it; 0: none
        boot TEXT NOT NULL,
        since_ns INTEGER NOT NULL,       -- monotonic time of that boot since which it is in that state
        PRIMARY KEY (sink, message)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX delivery_message ON delivery (message);
    CREATE TABLE lost (                  -- what a sink does not get, the newest of it
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        sink TEXT NOT NULL,
        word TEXT NOT NULL,              -- coalesced, snoozed, shed, expired, refused, gone
        sent INTEGER NOT NULL,           -- whether it was ever handed over, so that the sink may have it
        detail TEXT NOT NULL
    ) STRICT;
    CREATE TABLE tally (                 -- how many there were, ever
        sink TEXT NOT NULL,
        word TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (sink, word)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE fact (                  -- what else must survive the process
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE hour (                  -- the memory of the hour of each camera, as `edge.detect.memory` encodes it
        camera TEXT PRIMARY KEY,
        data BLOB NOT NULL
    ) STRICT
    """,
)
