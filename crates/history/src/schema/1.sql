CREATE TABLE probe (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- id: probe * 2^24 + hours since 1970. runs: see packed.rs.
CREATE TABLE hour (
    id INTEGER PRIMARY KEY,
    runs BLOB NOT NULL
) STRICT;

-- id: probe * 2^24 + days since 1970. summary: see summary.rs.
CREATE TABLE day (
    id INTEGER PRIMARY KEY,
    summary BLOB NOT NULL
) STRICT;

-- Reports of runs that were not up: JSON, compressed with zlib. due: Unix milliseconds.
CREATE TABLE report (
    id INTEGER PRIMARY KEY,
    probe INTEGER NOT NULL,
    due INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (probe, due)
) STRICT;

-- The newest report of each probe, in the same format.
CREATE TABLE latest (
    probe INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Times in Unix milliseconds. turn counts from 1.
CREATE TABLE incident (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    probe INTEGER NOT NULL,
    kind TEXT NOT NULL,
    began INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    ended INTEGER,
    reason TEXT,
    detail TEXT NOT NULL,
    turn INTEGER,
    expected TEXT,
    found TEXT,
    report_due INTEGER,
    acknowledged_by TEXT,
    acknowledged_at INTEGER
) STRICT;
CREATE INDEX incident_by_probe ON incident (probe, began);
CREATE INDEX open_incident ON incident (probe, kind) WHERE ended IS NULL;

-- The record that decides on notifications about an alarm, as JSON.
CREATE TABLE alarm (
    key TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
