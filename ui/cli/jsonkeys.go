package cli

import "github.com/spf13/cobra"

// JSONKeys returns the keys that --json writes. A key has the same meaning in every
// command. A test compares the table with the commands' output.
func JSONKeys() []Variable {
	return []Variable{
		{"profile, account, environment", "which profile: acme/live, acme, live; always together"},
		{"label", "free text shown beside the account"},
		{"key_hint", "the last characters of the api_key in use"},
		{"stored_key_hint", "import: those of the credential that was stored before"},
		{"verdict", "what verifying found: ok, rejected, invalid, unreachable …"},
		{"verified_at", "when the verdict was found"},
		{"other_environment_verdict", "verify --both: what the other environment said"},
		{"status, message, host, error", "verify: the HTTP status, the gateway's words, where it was asked, what failed"},
		{"latency_ms, skew_seconds", "how long a reply took, and the gateway's clock minus this one's"},
		{"deep", "verify: the token was tried too"},
		{"token, header", "a token's value, and its Authorization line: secrets"},
		{"minted", "the token is new; false for a cached one"},
		{"minted_at, expires_at", "when a token was minted and when it expires, by this computer's clock"},
		{"expires_in", "the life that the gateway gave, in seconds"},
		{"requested_expires_in", "the life that was asked for, in seconds"},
		{"default_expires_in", "the life that is asked for when no --expires-in is given"},
		{"remaining_seconds", "the life that is left"},
		{"cached_token", "an unexpired token in the store, without its value"},
		{"last_used_at", "when a token of the profile was last handed out"},
		{"state", "a change that was interrupted: adding, changing, removing"},
		{"staged, previous", "there is a staged credential; there is a previous one"},
		{"origin", "where the credential belongs: kitegateway or override"},
		{"store, source", "where the credential is kept, on this machine or in a team's secret manager"},
		{"base_url", "where requests go, version included"},
		{"outcome", "rotate: replaced, staged, rejected"},
		{"finding, result", "import: new, same, conflict, lost; added, replaced, restored, skipped, kept"},
		{"forgotten", "forget: there was a cached token"},
		{"logged_at, action, command", "log: when, what was done, by which command"},
		{"parent, reason", "log: the program that started kitekey, and --reason"},
		{"method, path, recipients", "log: of a call, without ids and query (with status); of an export, who can open it"},
		{"ok, findings, repaired", "doctor: all is ok; what was found; what --repair did"},
		{"check, level, text, fix", "doctor: what was looked at, how bad it is, what was found, what to do"},
		{"chosen_by, place, answers, problem", "store show: what chose the store, where it is, whether it answers, why not"},
		{"profiles, profiles_in_another_store", "store show: how many there are"},
		{"interrupted_migration", "store show: a migration that was interrupted"},
		{"from, to", "store migrate, log, source sync: the store, the source or the name before and after"},
		{"dry_run, moved, without_credential", "store migrate: what was moved"},
		{"locked, unlocked_until", "status: whether the store is locked, and until when it is not"},
		{"signature_checked, signed, claims", "inspect: always false; the token has a signature; what it says"},
		{"issued_at, not_before, expired", "inspect: the token's own times"},
	}
}

// newJSONTopic explains --json.
func newJSONTopic() *cobra.Command {
	var rows [][]string
	for _, k := range JSONKeys() {
		rows = append(rows, []string{k.Name, k.Meaning})
	}
	return &cobra.Command{
		Use:   "json",
		Short: "What --json prints",
		Long: `With --json a command prints one JSON object, or one per line where it is about
several profiles ("list" prints an array). Every key is always there, null where there
is nothing; times are RFC 3339 in UTC, lengths of time are whole seconds.

` + table(rows) + `

"network", "proxy", "simulator" and "source" have further keys that say what they are.`,
	}
}
