-- Hours, quarters of a day and days that are over. id: (probe * 4 + length) * 2^24 + first hour since 1970.
-- body: see period.rs.
CREATE TABLE period (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Probes with runs of an earlier version: their periods before this hour are not stored yet.
CREATE TABLE unfilled (
    probe INTEGER PRIMARY KEY,
    hour INTEGER NOT NULL
) STRICT;
INSERT INTO unfilled (probe, hour) SELECT id, 1 << 24 FROM probe;

-- The order of lists of incidents.
CREATE INDEX incident_order ON incident
    (ended IS NULL DESC, began / 60000 DESC, kind = 'down' DESC, began DESC, id DESC);

-- What may happen once in a period, such as the weekly mail, and when it may happen again, in Unix milliseconds.
CREATE TABLE claim (
    name TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
