package postgres

import "embed"

//go:embed schema/*.sql
var schemaFiles embed.FS

// Channels of NOTIFY. The payload is the owner who changed something, a space, and the alias.
const (
	savedChannel = "sftoken_saved"
	freedChannel = "sftoken_freed"
)

// Every change is one statement, so that nothing is held between two round trips and a pooler in transaction mode may sit
// in between. Rules that they keep, under READ COMMITTED:
//
//   - Who changes a grant locks the row of its lease first (held). So a statement of somebody who has lost the lease finds
//     no row, and a new holder waits until the statement of the former one has ended; after that it sees all of it.
//   - set_config(…, true) ends with the statement. The taking, renewing and freeing of a lease need not be on the disk when
//     they return: the mark that follows is saved durably before a token is spent, and the log is written in order
//     (https://www.postgresql.org/docs/current/wal-async-commit.html).
//   - Parameters have casts, so that each of pgx's query modes gives them the same types.
const (
	sqlAcquire = `
INSERT INTO sftoken_leases AS l (alias, owner, fence, floor, expires_at)
VALUES ($1::text, $2::text, 1, 0, clock_timestamp() + make_interval(secs => $3::float8))
ON CONFLICT (alias) DO UPDATE SET owner = excluded.owner, fence = l.fence + 1, expires_at = excluded.expires_at
WHERE l.expires_at <= clock_timestamp() OR l.owner = excluded.owner
RETURNING fence, floor, set_config('synchronous_commit', 'off', true)`

	sqlHolder = `
SELECT owner, extract(epoch FROM expires_at - clock_timestamp())::float8 FROM sftoken_leases WHERE alias = $1::text`

	sqlRenew = `
UPDATE sftoken_leases SET expires_at = clock_timestamp() + make_interval(secs => $4::float8)
WHERE alias = $1::text AND owner = $2::text AND fence = $3::bigint
RETURNING set_config('synchronous_commit', 'off', true)`

	sqlRelease = `
UPDATE sftoken_leases SET expires_at = 'epoch'
WHERE alias = $1::text AND owner = $2::text AND fence = $3::bigint
RETURNING set_config('synchronous_commit', 'off', true), pg_notify('` + freedChannel + `', $2::text || ' ' || $1::text)`

	sqlGet = `
SELECT generation, sealed FROM sftoken_grants WHERE alias = $1::text`

	sqlHead = `
SELECT substring(sealed FOR 9) FROM sftoken_grants WHERE alias = $1::text`

	sqlFloor = `
SELECT floor FROM sftoken_leases WHERE alias = $1::text`

	sqlLoad = `
SELECT l.alias IS NOT NULL, coalesce(g.generation, 0), g.sealed
FROM (SELECT $1::text AS alias) a
LEFT JOIN sftoken_leases l ON l.alias = a.alias AND l.owner = $2::text AND l.fence = $3::bigint
LEFT JOIN sftoken_grants g ON g.alias = a.alias`

	// Writes to the lease's row and waits for the disk, and asks for the right to write grants without writing any.
	sqlProbe = `
WITH held AS (
	UPDATE sftoken_leases SET expires_at = clock_timestamp() + make_interval(secs => $4::float8)
	WHERE alias = $1::text AND owner = $2::text AND fence = $3::bigint
	RETURNING 1
), may AS (
	INSERT INTO sftoken_grants (alias, generation, state, refreshed_at, key_id, sealed)
	SELECT '', 0, 0, 'epoch', '', '' WHERE false
	ON CONFLICT (alias) DO UPDATE SET generation = 0, state = 0, refreshed_at = 'epoch', key_id = '', sealed = ''
)
SELECT EXISTS (SELECT FROM held), coalesce(g.generation, 0), g.sealed
FROM (SELECT $1::text AS alias) a LEFT JOIN sftoken_grants g ON g.alias = a.alias`

	sqlSave = `
WITH held AS (
	SELECT FROM sftoken_leases WHERE alias = $1::text AND owner = $2::text AND fence = $3::bigint FOR NO KEY UPDATE
), stored AS (
	SELECT coalesce(max(generation), 0) AS generation FROM sftoken_grants WHERE alias = $1::text
), saved AS (
	INSERT INTO sftoken_grants AS g (alias, generation, state, refreshed_at, key_id, sealed)
	SELECT $1::text, $5::bigint, $6::smallint, $7::timestamptz, $8::text, $9::bytea
	FROM held, stored WHERE stored.generation = ANY ($4::bigint[])
	ON CONFLICT (alias) DO UPDATE SET generation = excluded.generation, state = excluded.state,
		refreshed_at = excluded.refreshed_at, key_id = excluded.key_id, sealed = excluded.sealed
	WHERE g.generation = ANY ($4::bigint[])
	RETURNING pg_notify('` + savedChannel + `', $2::text || ' ' || $1::text)
)
SELECT EXISTS (SELECT FROM held), (SELECT generation FROM stored), EXISTS (SELECT FROM saved)`

	sqlDelete = `
WITH held AS (
	UPDATE sftoken_leases l SET floor = $4::bigint
		+ greatest(l.floor, coalesce((SELECT generation FROM sftoken_grants WHERE alias = $1::text), 0))
	WHERE alias = $1::text AND owner = $2::text AND fence = $3::bigint
	RETURNING floor
), gone AS (
	DELETE FROM sftoken_grants USING held WHERE alias = $1::text
	RETURNING pg_notify('` + savedChannel + `', $2::text || ' ' || $1::text)
)
SELECT floor, (SELECT count(*) FROM gone) FROM held`

	sqlAliases = `
SELECT alias FROM sftoken_grants ORDER BY alias`

	sqlPage = `
SELECT alias, generation, sealed FROM sftoken_grants WHERE alias > $1::text ORDER BY alias LIMIT $2::bigint`

	sqlIdle = `
SELECT alias, refreshed_at FROM sftoken_grants
WHERE state <> 2 AND refreshed_at < $1::timestamptz AND (refreshed_at, alias) > ($2::timestamptz, $3::text)
ORDER BY refreshed_at, alias LIMIT $4::bigint`
)
