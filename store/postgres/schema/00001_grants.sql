-- +goose Up
CREATE TABLE sftoken_grants (
    alias        text COLLATE "C" PRIMARY KEY,
    generation   bigint      NOT NULL, -- fences saves; the sealed grant says the same
    state        smallint    NOT NULL, -- store.State: 0 live, 1 uncertain, 2 dead
    refreshed_at timestamptz NOT NULL, -- to find idle grants
    key_id       text        NOT NULL, -- of the key that sealed it
    sealed       bytea       NOT NULL  -- the grant, encrypted and bound to its alias
);

CREATE INDEX sftoken_grants_idle ON sftoken_grants (refreshed_at, alias) WHERE state <> 2;

CREATE TABLE sftoken_leases (
    alias      text COLLATE "C" PRIMARY KEY, -- stays when the grant is deleted
    owner      text        NOT NULL,           -- process and host
    fence      bigint      NOT NULL,           -- one more with each lease: who has an older one saves nothing
    floor      bigint      NOT NULL,           -- generations up to this one were deleted
    expires_at timestamptz NOT NULL            -- by the database's clock; 1970: free
) WITH (fillfactor = 70); -- leaves room to update in place
