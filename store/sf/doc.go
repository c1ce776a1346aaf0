// Package sf keeps grants where the Salesforce CLI (sf) keeps its logins, so that sf and sftoken use one login together and
// refresh it in turn, under rotation too.
//
//	~/.sfdx/<user name>.json          sf's login: secrets in AES-256-GCM, all else in the clear; one for each user
//	~/.sfdx/alias.json                sf's aliases
//	~/.sfdx/key.json                  sf's key, where the system has no keychain for it
//	Sidecar/grants/<user name>.grant  the same grant as sftoken knows it, encrypted with sftoken's own key
//
// The formats and locks are those of @salesforce/core 8.32 and 9.4, seen in use. An alias is one of sf's, or a user name.
//
// # Two programs, one login
//
// What sf's file has no place for (generation, state, expiry, the mark of a token that is being spent) is in the sidecar,
// which sf does not know. When the tokens in sf's file are others than those in the sidecar, sf has refreshed the login or
// made a new one: that is a new generation, about which nothing bad is known. Of sf's file only what has changed is
// written; its other keys, their order, its encryption and its mode stay.
//
// The lease is the lock under which sf itself rotates refresh tokens since @salesforce/core 9.2 (sf 2.150): the directory
// <user name>.json.token-rotation.lock, made by whoever holds it, touched while he does, and taken over when it has not been
// touched for ten seconds. Unlike the kernel lock of store/file it does not end with its process, and a holder that was
// stopped for longer finds that it has lost it. Writes to a file are under <file>.lock in the same manner.
//
// An older sf (2.146) throws away the new refresh token of a rotating app. Under rotation it loses a login whoever it
// shares it with.
//
// # What it does not do
//
// It makes no key for sf: sf does, silently, when it does not find its own, and loses every login by that. So a first login
// is sf's. It keeps one login a user, as sf does. A sandbox's or scratch org's other files are left alone.
package sf
