package words

import "kitekey/vault"

// Change says what was renamed or moved, from what to what, "" for other entries of
// the log and for those of a kitekey that did not note it. Where only the account's
// name changed, the environment is left out.
func Change(a *vault.Activity, to string) string {
	if a.From == "" || a.To == "" {
		return ""
	}
	was, wasErr := vault.ParseSelector(a.From)
	is, isErr := vault.ParseSelector(a.To)
	if a.Action == vault.ActionRenamed && wasErr == nil && isErr == nil && was.Environment == is.Environment {
		return was.Account + " " + to + " " + is.Account
	}
	return Line(a.From) + " " + to + " " + Line(a.To)
}
