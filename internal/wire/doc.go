// Package wire shows what goes over the wire without showing a secret: it records requests with their answers, on the
// client's side ([Recorder]) or the server's ([Handler]), and takes the secrets out of any text ([Text]).
//
// A secret becomes a placeholder that keeps what is public about it, such as the first characters by which Salesforce's
// tokens are told apart, and a fingerprint: `5Aep…[secret 4f2a91c0]`. So a reader sees that a token changed, or that the
// same one came back, without seeing it.
//
// It will not change what is sent, hold back an answer or write anywhere by itself. Internal packages and the command line
// may import it.
package wire
