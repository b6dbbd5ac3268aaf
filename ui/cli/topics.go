package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Variable is a row of a table of environment variables.
type Variable struct{ Name, Meaning string }

// Settings lists the variables that kitekey reads.
func Settings() []Variable {
	return []Variable{
		{varHome, "data folder; default: the system's user configuration folder + /kitekey"},
		{varStore, "where secrets are kept: " + either(storeNames()) + "; --store takes precedence"},
		{varPassphraseFile, "file or pipe (/dev/fd/3) that holds the passphrase of the file store"},
		{varReason, "why something is done, for the activity log; --reason takes precedence"},
		{varProfile, "the profile when a command names none; without it, a .kitekey file with an account's name (always its sandbox)"},
		{varSandboxURL, "base URL instead of the sandbox's, version included; loopback addresses only"},
		{varLiveURL, "base URL instead of live's, version included; loopback addresses only"},
		{varTheme, "colours for a background: dark, light or auto; --theme takes precedence"},
		{"COLORFGBG", "the terminal's background, where the terminal does not answer"},
		{varNoColor, "no colours on the screen"},
		{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "proxy for the gateway, as in other programs"},
	}
}

// ExecVariables lists the variables that exec and env give.
func ExecVariables() []Variable {
	return []Variable{
		{varAuthorization, `the Authorization header's value, "JWT …"`},
		{varExpiresAt, "when the token expires, RFC 3339 in UTC"},
		{varBaseURL, "where to send requests, version included"},
		{varEnvironment, "sandbox or live"},
		{varAccount, "the account's name"},
	}
}

// newTopics returns the help topics: commands that only explain.
func newTopics() []*cobra.Command {
	var codes, settings, given [][]string
	for _, c := range ExitCodes() {
		codes = append(codes, []string{fmt.Sprint(c.Code), c.Meaning})
	}
	for _, v := range Settings() {
		settings = append(settings, []string{v.Name, v.Meaning})
	}
	for _, v := range ExecVariables() {
		given = append(given, []string{v.Name, v.Meaning})
	}
	return []*cobra.Command{
		{
			Use:   "exit-codes",
			Short: "What the exit codes mean",
			Long: `Exit codes, for scripts:

` + table(codes) + `

A command about several profiles ends with the highest of their codes.
"kitekey exec" ends with the exit code of the command it ran; 127 means that there
is no such command, 126 that it cannot be run.`,
		},
		{
			Use:   "environment",
			Short: "The variables that kitekey reads and gives",
			Long: `Variables that kitekey reads:

` + table(settings) + `

Variables that "kitekey exec" and "kitekey env" give:

` + table(given) + `

An override in force is reported on stderr and shown on every screen. A base URL that
is not on this machine is refused, so that a variable cannot send an api_secret
elsewhere.`,
		},
		newJSONTopic(),
		newStorageTopic(),
	}
}

func newStorageTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "storage",
		Short: "Where secrets are kept, and what that protects against",
		Long: `The data folder (KITEKEY_HOME) holds an index without any secret: account names,
labels, the last characters of each api_key, verdicts, when cached tokens expire.

Credentials and cached tokens are in the store:

  keyring  the operating system's keyring, under the service "kitekey"
           Linux: the Secret Service (GNOME Keyring, KWallet, KeePassXC). Any
           program of yours can read it while it is unlocked.
           What goes over the session bus is encrypted. Items are found in every
           collection; new ones go to the login collection or the default one.
           KeePassXC asks for each item that is read, unless its settings say
           otherwise, and keeps removed entries in its recycle bin and earlier
           values in their history.
           macOS: the login keychain, through /usr/bin/security. Any program of
           yours can read the items without being asked.
           Windows: the Credential Manager. Any program of yours can read it.
  file     vault.age in the data folder, encrypted with age and opened with a
           passphrase: for machines without a keyring. Chosen with --store file,
           never a fallback. The passphrase comes from --passphrase-fd, else from
           the file KITEKEY_PASSPHRASE_FILE names, else it is asked for. Stock age
           opens identity.age with it, and vault.age with that.

"kitekey store show" says which is in use, "kitekey store migrate" moves everything
to the other, and "kitekey export" writes an encrypted backup.

Both protect what is on the disk from other users and from a stolen disk. Neither
protects from programs that run as you.

A secret is never taken from an argument, and never in a log, an error or a list. exec
and env give other programs a token, never the credential.`,
	}
}
