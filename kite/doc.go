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
// is an error that names the host it points to. The base URL is Kitegateway's or on
// this machine ([ParseBaseURL]), and nothing else. TLS trusts the system's CAs and
// the ones in [Client.CAFile]; no variable changes that.
//
// # What is sent once
//
// A request that is not safe ([IsSafe]) may move money and is sent once. If no
// answer says whether it was carried out, the error is [ErrOutcomeUnknown].
//
// # Whose clock
//
// A token's expiry is by the gateway's clock. Each reply's Date header tells how
// far the local clock is from it, so that [Token.Deadline] is right by the local
// clock even when that is wrong.
//
// # What can go wrong
//
// An [Error] has one of a few kinds, so that they are not mistaken for one another:
// a gateway that refused the credential ([ErrRefused]), no answer
// ([ErrUnreachable]), an answer that is not Kitegateway's ([ErrUnexpectedReply]), a
// gateway that failed or is busy ([ErrGateway], [ErrRateLimited]), a wrong request
// ([ErrInvalid]). What could not reach the gateway is never a refusal. Causes are
// typed where they tell what to do: [ProxyError], [CertificateError], [LimitError].
//
// Facts of the API are from Kitegateway's public documentation. Where it is silent,
// replies are read leniently and checked strictly.
package kite
