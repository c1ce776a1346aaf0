-- +goose Up
CREATE TABLE grants (
    alias        TEXT    NOT NULL PRIMARY KEY,
    generation   INTEGER NOT NULL, -- fences saves; the sealed grant says the same
    state        INTEGER NOT NULL, -- store.State: 0 live, 1 uncertain, 2 dead
    refreshed_at INTEGER NOT NULL, -- microseconds since 1970, to find idle grants
    key_id       TEXT    NOT NULL, -- of the key that sealed it
    sealed       BLOB    NOT NULL  -- the grant, encrypted and bound to its alias
) STRICT;

-- state is in it so that the index alone answers.
CREATE INDEX grants_idle ON grants (refreshed_at, alias, state) WHERE state <> 2;
