package words

import "kitekey/vault"

// Change says from what to what something was renamed or moved. It returns "" for
// other entries of the log, and for those of a kitekey that did not record it. It
// leaves out the environment if only the account's name changed.
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
