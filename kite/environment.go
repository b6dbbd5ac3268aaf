package kite

import "fmt"

// Environment is sandbox or live. Money is real in [Live] only.
type Environment string

// The two environments.
const (
	Sandbox Environment = "sandbox"
	Live    Environment = "live"
)

// Environments lists both, sandbox first: the order in which kitekey shows them.
var Environments = []Environment{Sandbox, Live}

// ParseEnvironment accepts "sandbox" and "live".
func ParseEnvironment(s string) (Environment, error) {
	switch e := Environment(s); e {
	case Sandbox, Live:
		return e, nil
	}
	return "", fmt.Errorf("unknown environment %q; use sandbox or live", s)
}

// Other returns the other environment.
func (e Environment) Other() Environment {
	if e == Live {
		return Sandbox
	}
	return Live
}

// BaseURL returns the documented address of the environment's API, version
// included. The zero Environment is the sandbox: live is never implied.
func (e Environment) BaseURL() string {
	if e == Live {
		return "https://kitegateway.com/v1"
	}
	return "https://sandbox.kitegateway.com/v1"
}
