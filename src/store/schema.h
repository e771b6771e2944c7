#pragma once
// Private to this room: the tables of results.sqlite. docs/formats.md describes them to users.

namespace moesim {

// "moes": tells `file` and us that a database is ours.
constexpr int kApplicationId = 0x6d6f6573;
constexpr int kSchemaVersion = 3;
constexpr int kOldestSchemaVersion = 2;  // that is still read

constexpr const char* kSchema = R"sql(
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE points (
  number INTEGER PRIMARY KEY,       -- in the order in which they finished
  id TEXT NOT NULL UNIQUE,          -- what was run: hash of config, inputs, version, machine
  place INTEGER NOT NULL,           -- in the sweep, from 0
  current INTEGER NOT NULL,         -- 0: of an earlier form of the sweep
  status TEXT NOT NULL,             -- done or failed
  outdated INTEGER NOT NULL,        -- 1: to be run again (--fresh)
  parameters TEXT NOT NULL,         -- JSON object of the sweep's axes
  record TEXT NOT NULL,             -- JSON object: the row of the run; {} when failed
  error TEXT NOT NULL,              -- "" when done
  again TEXT NOT NULL,              -- the command that repeats this point
  finished TEXT NOT NULL            -- UTC
);
CREATE TABLE samples (
  point INTEGER NOT NULL, variant TEXT NOT NULL, repetition INTEGER NOT NULL, place INTEGER NOT NULL,
  seconds REAL NOT NULL, warm_up INTEGER NOT NULL, yardstick_seconds REAL
);
CREATE TABLE experts (
  point INTEGER NOT NULL, step INTEGER, layer INTEGER NOT NULL, expert INTEGER NOT NULL,
  routed INTEGER NOT NULL, processed INTEGER NOT NULL    -- step NULL: all steps together
);
CREATE TABLE co_activation (
  point INTEGER NOT NULL, layer INTEGER NOT NULL, expert_a INTEGER NOT NULL, expert_b INTEGER NOT NULL,
  tokens INTEGER NOT NULL
);
CREATE TABLE histograms (
  point INTEGER NOT NULL, what TEXT NOT NULL, layer INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL,
  count INTEGER NOT NULL
);
CREATE TABLE timeline (
  point INTEGER NOT NULL, thread INTEGER NOT NULL, stage TEXT NOT NULL, begin_s REAL NOT NULL, end_s REAL NOT NULL
);
CREATE TABLE tokens (
  point INTEGER NOT NULL, place INTEGER NOT NULL, domain TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE choices (
  point INTEGER NOT NULL, layer INTEGER NOT NULL, place INTEGER NOT NULL, expert INTEGER NOT NULL, weight REAL,
  kept INTEGER NOT NULL
);
CREATE INDEX samples_of_point ON samples (point);
CREATE INDEX experts_of_point ON experts (point);
CREATE INDEX co_activation_of_point ON co_activation (point);
)sql";

// From version 2, whose table of tokens held the first layer's choices too: a row for each, or one of NULLs.
constexpr const char* kFromVersion2 = R"sql(
CREATE TABLE choices (
  point INTEGER NOT NULL, layer INTEGER NOT NULL, place INTEGER NOT NULL, expert INTEGER NOT NULL, weight REAL,
  kept INTEGER NOT NULL
);
INSERT INTO choices SELECT point, 0, place, expert, weight, kept FROM tokens WHERE expert NOT NULL ORDER BY rowid;
CREATE TABLE new_tokens (
  point INTEGER NOT NULL, place INTEGER NOT NULL, domain TEXT NOT NULL, text TEXT NOT NULL
);
INSERT INTO new_tokens SELECT DISTINCT point, place, domain, text FROM tokens ORDER BY point, place;
DROP TABLE tokens;
ALTER TABLE new_tokens RENAME TO tokens;
)sql";

// Every table that belongs to a point, so that a repeated point leaves nothing behind.
constexpr const char* kPointTables[] = {"samples",  "experts", "co_activation", "histograms",
                                        "timeline", "tokens",  "choices"};

}  // namespace moesim
