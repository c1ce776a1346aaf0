// Package refresh is the one place where a refresh token is spent. Its [Engine] hands out access tokens and keeps the
// grants behind them alive.
//
// # How a refresh works
//
//  1. A valid cached access token is returned at once: no lock, no allocation (cache.go).
//  2. Otherwise the caller joins the flight that is refreshing this grant in this process, or starts one. The flight has
//     a context of its own: a caller who leaves cancels nothing (flight.go).
//  3. The flight takes the grant's lease, which excludes every other process (spend.go, as 4 to 6).
//  4. It reads the grant again. If somebody else has refreshed it, theirs is the answer.
//  5. It proves that the store can be written and saves a mark, "spending the token with this fingerprint". Then the
//     refresh token is sent, once.
//  6. The answer is saved, and saved again until that holds, before anybody gets the access token (keep.go).
//  7. If no answer came, the token may be spent or not. The grant is uncertain until Salesforce has said which; nobody
//     tries the token just to see (uncertain.go).
//  8. A refusal is sorted: back off, read again, or dead for good and remembered (classify.go, pause.go, flight.go).
//
// A token that an API rejected gets one refresh, ever (reject.go). [Transport] does all this for an http.Client, and
// [KeepAlive] refreshes what would die of disuse.
//
// # What is promised
//
// A rotation whose answer reached this process is never lost, whatever fails afterwards. One whose answer reached nobody
// is noticed, the living access token is served to its end, and the owner is told. No client can promise more: the new
// token exists in the answer only.
//
// The package opens no store, logs in nobody and deletes nothing. Commands, services and other modules may import it; it
// imports sftoken and store.
package refresh
