package words

import (
	"errors"
	"runtime"
	"strings"

	"kitekey/vault"
	"kitekey/vault/keyring"
)

// fileInstead is the advice if no keyring can be used.
const fileInstead = `keep secrets in an encrypted file with "--store file"`

// storeAdvice says what to do about a store's failure, by its reason.
var storeAdvice = map[vault.Reason]string{
	vault.ReasonNotProvided:   "install a keyring (apt install gnome-keyring, dnf install gnome-keyring, or KWallet or KeePassXC), or " + fileInstead,
	vault.ReasonNotSupported:  "kitekey cannot use a keyring on this system: " + fileInstead,
	vault.ReasonNoSession:     `log in at the desktop; on a server use the one bus of your user (run "loginctl enable-linger", log in again, then "gnome-keyring-daemon --unlock"), or ` + fileInstead,
	vault.ReasonSessionEnded:  "DBUS_SESSION_BUS_ADDRESS names a session that has ended, as in a tmux or screen that is older than this login: try it in a new terminal, or " + fileInstead,
	vault.ReasonSessionName:   "correct DBUS_SESSION_BUS_ADDRESS, or unset it: kitekey then looks where a login puts the bus; or " + fileInstead,
	vault.ReasonOtherUser:     `this session belongs to another user (after su or sudo): log in as yourself, for example with "machinectl shell" or ssh, or ` + fileInstead,
	vault.ReasonNoCollection:  `create a keyring, wallet or database in your keyring program first (seahorse, kwalletmanager5, KeePassXC), or ` + fileInstead,
	vault.ReasonPromptPending: "answer on the desktop when it asks, then try again; or " + fileInstead,
	vault.ReasonDismissed:     "allow the access when the keyring asks, then try again",
	vault.ReasonNotKept:       "unlock the keyring and try again",
	vault.ReasonNotResponding: "is its daemon stopped, or is it waiting for a password somewhere? Try again, or " + fileInstead,
	vault.ReasonGone:          "the keyring ended during the call; try again",
	vault.ReasonWriteFailed:   "the keyring could not write: is the disk full, or read-only?",
	vault.ReasonNoEncryption:  "install what your keyring encrypts with (KWallet: apt install libqca-qt5-2-plugins), or " + fileInstead,
	vault.ReasonHidden:        "unlock every keyring, wallet or database in your keyring program, then try again",
	vault.ReasonDuplicates:    "delete all but one of them in your keyring program",
	vault.ReasonDamaged:       `"kitekey doctor --repair" puts the last good copy back; when that fails, only a backup made with "kitekey export" helps`,
	vault.ReasonNewerVersion:  "upgrade kitekey",
	vault.ReasonReplaced:      "try again",
}

// unlockKeyring says how to unlock a locked keyring on each system, and of each
// program.
func unlockKeyring(provider string) string {
	switch name := strings.ToLower(provider); {
	case strings.HasPrefix(name, "kwalletd"), strings.HasPrefix(name, "ksecretd"):
		return "open the wallet (answer KWallet on the desktop, or use KWalletManager)"
	case strings.HasPrefix(name, "keepassxc"):
		return "unlock the database in KeePassXC"
	}
	switch runtime.GOOS {
	case "windows":
		return "sign in to Windows again"
	case "darwin":
		return `unlock the login keychain ("security unlock-keychain")`
	}
	return `unlock the keyring (log in at the desktop, or "gnome-keyring-daemon --unlock")`
}

// StoreAdvice returns what the user can do about a store's failure, "" if the error
// says it all or is not a store's.
func StoreAdvice(err error) string {
	var e *vault.StoreError
	if !errors.As(err, &e) {
		return ""
	}
	if next, ok := storeAdvice[e.Reason]; ok {
		return next
	}
	if errors.Is(err, vault.ErrWrongPassphrase) {
		return "give the right passphrase"
	}
	if e.Reason == vault.ReasonNoPrompt || e.Store == keyring.Name && (e.Kind == vault.ErrLocked || runtime.GOOS == "darwin" && e.Kind == vault.ErrUnavailable) {
		return unlockKeyring(e.Provider) + ", or " + fileInstead
	}
	return ""
}

// Remains says, after "removed", what the store's program may still have: what it keeps
// itself, and copies where kitekey cannot look. It is "" if there is nothing to say.
func Remains(facts vault.Facts) string {
	text := ""
	if facts.KeepsRemoved {
		text = keepsRemoved(facts.Provider)
	}
	if facts.Hidden > 0 {
		text += "; a copy in " + Count(facts.Hidden, "locked collection") + ", if there is one, stays"
	}
	return text
}

func keepsRemoved(provider string) string {
	return "; " + provider + " keeps it in its recycle bin until you empty that, and earlier values in an entry's history"
}

// Rivals warns that other programs write to the same files as the store's.
func Rivals(rivals []string) string {
	return strings.Join(rivals, " and ") + " writes to the same keyring files: what is saved here may be lost"
}
