// Package kite is a client of the Kitegateway payment API: credential in, token
// out. It knows nothing of storage or screens.
//
// # Credentials and tokens
//
// A business account has up to two key pairs, each an api_key and an api_secret
// ([Credential]). [Client.Mint] exchanges one for a [Token] that lives as long as
// was asked, and every other call carries that token ([Client.Do]). All of them
// are held as a [Secret], which prints as "[redacted]" whatever way it is
// printed.
//
// # Where secrets go
//
// The api_secret travels in a header of its own, which an HTTP client that
// follows redirects would hand on to wherever it is sent. This one follows none:
// a redirect is an error that names the host it points to. The base URL is
// Kitegateway's or on this machine ([ParseBaseURL]), and nothing else.
//
// # Whose clock
//
// A token's expiry is by the gateway's clock. Each reply's Date header tells how
// far the local clock is from it, so that [Token.Deadline] is right by the local
// clock even when that is wrong.
//
// # What can go wrong
//
// An [Error] keeps apart what people otherwise mistake for one another: a gateway
// that refused the credential ([ErrRefused]), nobody there ([ErrUnreachable]),
// somebody else there ([ErrUnexpectedReply]), a gateway that failed or is busy
// ([ErrGateway], [ErrRateLimited]), a request that is wrong in itself
// ([ErrInvalid]). Nothing that could not reach the gateway is ever a refusal.
//
// Facts of the API are from Kitegateway's public documentation; where it is
// silent, the reply is read leniently and judged strictly.
package kite
