// Package kite is a client of the Kitegateway payment API: credential in, token
// out. It knows nothing of storage or screens.
//
//	client := &kite.Client{Environment: kite.Sandbox}
//	token, err := client.Mint(ctx, credential, 300) // a token for five minutes
//	if err != nil {
//		return err
//	}
//	balances, err := client.Balances(ctx, token)
//
// # Credentials and tokens
//
// A business account has up to two credentials, each an api_key and its api_secret
// ([Credential]). [Client.Mint] exchanges one for a [Token] with the [Lifetime] that
// was asked for, and every other call carries that token ([Client.Do]). All of them
// are held as a [Secret], which prints as "[redacted]" however it is printed.
//
// # Where secrets go
//
// The api_secret travels in a header of its own, which an HTTP client that follows
// redirects would send along to another host. This client follows none: a redirect
// is an error that names the host it points to. The base URL is Kitegateway's or a
// loopback address ([ParseBaseURL]). TLS trusts the system's CAs and the ones in
// [Client.CAFile]; no variable changes that.
//
// # What is sent once
//
// A request that is not safe ([IsSafe]) may move money and is sent once. If no
// answer says whether it was carried out, the error is [ErrOutcomeUnknown].
//
// # Whose clock
//
// A token's expiry is by the gateway's clock. The Date header of each reply tells
// how far the local clock is from it, so [Token.Deadline] is right by the local
// clock even if that clock is wrong.
//
// # What can go wrong
//
// An [Error] has one of a few kinds: the gateway refused the credential
// ([ErrRefused]), there was no answer ([ErrUnreachable]), the answer is not
// Kitegateway's ([ErrUnexpectedReply]), the gateway failed or is busy
// ([ErrGateway], [ErrRateLimited]), or the request was wrong ([ErrInvalid]). A
// failure to reach the gateway is never reported as a refusal. Causes that call for
// an action of their own have types: [ProxyError], [CertificateError],
// [LimitError].
//
// Facts of the API are from Kitegateway's public documentation. Where it is silent,
// replies are read leniently and checked strictly.
package kite
