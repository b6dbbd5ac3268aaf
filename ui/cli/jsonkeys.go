package cli

import "github.com/spf13/cobra"

// JSONKeys returns the keys that --json writes. A key has the same meaning in every
// command. A test compares the table with the commands' output.
func JSONKeys() []Variable {
	return []Variable{
		{"profile, account, environment", "which profile: acme/live, acme, live; network: the environment alone"},
		{"label", "free text shown beside the account"},
		{"key_hint", "the last characters of the api_key in use"},
		{"stored_key_hint", "import: those of the credential that was stored before"},
		{"verdict", "what verifying found: ok, rejected, invalid, unreachable …"},
		{"verified_at", "when the verdict was found"},
		{"other_environment_verdict", "verify --both: what the other environment said"},
		{"status, message, host", "verify: HTTP status, the gateway's words, where it was asked"},
		{"error", "verify: what failed"},
		{"latency_ms, skew_seconds", "how long a reply took, and the gateway's clock minus this one's"},
		{"deep", "verify: the token was tried too"},
		{"token, header", "a token's value, and its Authorization line: secrets"},
		{"minted", "the token is new; false for a cached one"},
		{"minted_at, expires_at", "by this computer's clock; a CA's certificate expires too"},
		{"expires_in", "the life that the gateway gave, in seconds"},
		{"requested_expires_in", "the life that was asked for, in seconds"},
		{"default_expires_in", "the life that is asked for when no --expires-in is given"},
		{"remaining_seconds", "the life that is left"},
		{"cached_token", "an unexpired token in the store, without its value"},
		{"last_used_at", "when a token of the profile was last handed out"},
		{"state", "a change that was interrupted: adding, changing, removing"},
		{"staged, previous", "there is a staged credential; there is a previous one"},
		{"origin", "where the credential belongs: kitegateway or override"},
		{"store, source", "where it is kept, on this machine or in a team's secret manager"},
		{"base_url", "where requests go, version included; of a proxy, where to send them"},
		{"outcome", "rotate: replaced, staged, rejected"},
		{"finding", "import: new, same, conflict, lost"},
		{"result", "import: added, replaced, skipped …; log, source test: ok, denied, failed …"},
		{"forgotten", "forget: there was a cached token"},
		{"logged_at, action, command", "log: when, what was done, by which command"},
		{"parent, reason", "log: the program that started kitekey, and --reason"},
		{"method, recipients", "log: of a call (with status); of an export, who can open it"},
		{"path", "log: of a call, without ids and query; source: in the mount"},
		{"from, to", "log, store migrate, source sync: the name or the place before and after"},
		{"dry_run, moved, without_credential", "store migrate: what was moved"},
		{"ok, findings, repaired", "doctor: all is ok; what was found; what --repair did"},
		{"level", "doctor: how bad it is"},
		{"check, text, fix", "doctor, source test: what was looked at, what was found, what to do"},
		{"chosen_by, place, answers", "store show: what chose the store, where it is, whether it answers"},
		{"problem", "store show: why it does not answer; network: what is wrong with the proxy"},
		{"profiles", "store show, source: how many there are"},
		{"profiles_in_another_store", "store show: how many are elsewhere"},
		{"interrupted_migration", "store show: a migration that was interrupted"},
		{"locked, unlocked_until", "status: whether the store is locked, and until when it is not"},
		{"signature_checked, signed", "inspect: always false; the token has a signature"},
		{"jwt_header, claims", "inspect: the two parts of the token"},
		{"issued_at, not_before, expired", "inspect: the token's own times"},
		{"kind", "source: vault or command"},
		{"address", "source: the engine's; network: the proxy's"},
		{"mount, namespace, ca_file", "source: what the engine calls its place, and whom to trust"},
		{"sign_in", "source: token, login or approle"},
		{"role_id, auth_mount", "source: of an AppRole"},
		{"secret_id_file, secret_id_fd", "source: where the AppRole's secret id comes from"},
		{"preset", "source: a known manager"},
		{"read_command, list_command", "source: what a source of kind command runs"},
		{"signed_in, renewable", "source login: a token is stored; it can be renewed"},
		{"new, gone, renamed, unchanged", "source sync: profiles; unchanged is how many"},
		{"ignored", "source sync: names in the source that no profile can have"},
		{"taken", "source sync: profiles whose names are taken by others of this list"},
		{"policy_path, policy_capability", "source test: what a policy would have to allow"},
		{"gateways, override_variable", "network: for each environment, and the variable that overrides it"},
		{"proxy, variable", "network: the proxy in force, and which variable says so"},
		{"ignored_variables", "network: variables that kitekey does not use"},
		{"ca, file, certificates", "network: the company's CA that was adopted"},
		{"subject, sha256", "network: whose certificate, and its fingerprint"},
		{"upstream, unix_socket", "proxy: the gateway's base URL; the socket that it listens on"},
		{"read_only, allow_rules", "proxy: what it lets through"},
		{"own_user_only", "proxy: it serves the programs of this user alone"},
		{"sandbox_url, live_url, merchants", "simulator: where it is, and who has credentials there"},
		{"api_key, api_secret", "simulator: made-up credentials"},
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
is nothing; times are RFC 3339 in UTC, lengths of time are whole seconds
(latency_ms: milliseconds).

` + table(rows),
	}
}
