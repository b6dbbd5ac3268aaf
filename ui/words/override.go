package words

import "kitekey/kite"

// Override is a base URL that a variable sets in place of Kitegateway's.
type Override struct {
	Environment kite.Environment
	URL         string
	Variable    string // the variable that sets it
}

// String says where requests go, and why.
func (o Override) String() string {
	return string(o.Environment) + " goes to " + o.URL + " (" + o.Variable + ")"
}
