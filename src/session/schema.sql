-- Version 1. A session is a tree of exchanges that only grows; `head` is where the talk stands.
CREATE TABLE sessions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
    started       TEXT NOT NULL,                     -- RFC 3339
    scenario      TEXT NOT NULL,
    boss          TEXT NOT NULL,
    difficulty    TEXT NOT NULL,
    receptiveness REAL NOT NULL,
    model         TEXT NOT NULL,
    seed          INTEGER NOT NULL,                  -- the bits of a u64
    greeting      TEXT NOT NULL,
    head          INTEGER,
    outcome       TEXT
);
CREATE TABLE exchanges (
    session  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    node     INTEGER NOT NULL,                       -- from 1, in the order of saying
    parent   INTEGER,
    turn     INTEGER NOT NULL,
    said     TEXT NOT NULL,
    text     TEXT NOT NULL,
    position TEXT NOT NULL,
    verdicts TEXT NOT NULL,                          -- JSON, as in `score`
    moved    TEXT NOT NULL,                          -- JSON
    state    TEXT NOT NULL,                          -- JSON
    reply    TEXT,                                   -- JSON; null until the boss has answered
    PRIMARY KEY (session, node)
);
