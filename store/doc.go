// Package store says what is kept of a grant and the rules for keeping it: [Grant], [Store] and [Lease], and the errors
// that every store answers with.
//
// It holds no data itself. Stores are packages of their own: store/file (one encrypted file a grant), store/sqlite (many
// processes on one machine), store/postgres (many replicas), store/memory (tests). Whoever writes another one proves it
// with store/storetest.
//
// It will not refresh a token, talk to Salesforce or encrypt anything. Standard library only; everybody may import it.
package store
