// Package timestamp reads and checks RFC 3161 timestamps over checkpoints: what an
// authority outside says about when a root existed.
//
// A token that [Check] accepts proves, as far as the authority is believed, that the
// three lines of the checkpoint existed at [Stamp.At]: entries 0 to size-1 are not
// younger. It does not prove that they are not older, nor that nothing else was
// signed at that time, and revocation is not checked: whether the authority's
// certificate was revoked before that instant is for its own lists to say.
//
//	req := timestamp.Request{Text: checkpoint.Text, Nonce: nonce}
//	response := post(req.Marshal())                              // package tsa
//	token, stamp, err := timestamp.Accept(response, req, roots)  // what is kept
//	stamp, err := timestamp.Check(token, checkpoint.Text, roots) // years later, offline
//
// Everything here is pure: no clock, no file, no network. Certificates are judged at
// the instant in the token.
//
// # Format
//
// ledger/FORMAT.md §4.3 is normative. A token is a CMS SignedData (RFC 5652) in DER
// whose every byte is accounted for: signed, or compared with what is signed, or on
// the path of certificates. A token with anything else in it is rejected;
// [Accept] takes such parts out before a token is kept, which no signature covers.
//
// # Why
//
// Why no library? The one that fits (digitorus/timestamp) reads by a decoder of BER
// that panics on the two bytes 30 82, drops errors of decoding, takes SHA-1, several
// signers, any content type and any certificate that is unexpired today, and brings
// package testing into the program. All that it would leave us to check is here;
// what reads the bytes is golang.org/x/crypto/cryptobyte, which is strict by itself.
package timestamp
