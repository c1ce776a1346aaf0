package store

import "context"

// Encrypted is a Store that can tell with which keys (package keys) it keeps a grant, without decrypting it: one, or two
// if something is spooled besides. An alias without a grant has none. A key is removed only when no store needs it any
// more; of a store that cannot tell, every grant is saved anew first.
type Encrypted interface {
	KeyIDs(ctx context.Context, alias string) ([]string, error)
}
