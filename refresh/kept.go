package refresh

import "context"

// Kept returns what the store holds for alias, without asking Salesforce and without a lease. fresh reports whether Token
// would hand it out as it is. A token that has died, but can be had anew by a refresh, is nil without an error; one that
// nothing brings back is a *DeadError.
func (e *Engine) Kept(ctx context.Context, alias string) (access *Access, fresh bool, err error) {
	g, err := e.options.Store.Get(ctx, alias)
	if err != nil {
		return nil, false, err
	}
	a := &attempt{Engine: e, alias: alias, grant: g}
	now := e.now()
	switch {
	case e.alive(g, now):
		return a.access(g), e.fresh(g, now), nil
	case refreshable(g):
		return nil, false, nil
	}
	return nil, false, a.hopeless()
}
