package cli

import "os"

// checkSecretFile checks who can use a file with a secret; what names the secret. It
// refuses a file that others can change. If others can read it, it only says so,
// once: containers mount their secrets like that. A pipe belongs to its two ends.
func (a *app) checkSecretFile(name, what string) error {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil // reading it gives the error
	}
	if err := changeable(info); err != nil {
		return usagef("the %s in %s is not used: %w", what, name, err)
	}
	if forOthers(info, 0o066) && !a.toldReadable {
		a.note("other users can read the %s in %s; run \"chmod 600 %s\"", what, name, name)
		a.toldReadable = true
	}
	return nil
}

// vet checks the files of a source: its AppRole's secret id, and the CA that it
// trusts.
func (a *app) vet(path string, secret bool) error {
	if secret {
		return a.checkSecretFile(path, "secret id")
	}
	if info, err := os.Stat(path); err == nil {
		if err := changeable(info); err != nil {
			return usagef("the CA in %s is not trusted: %w", path, err)
		}
	}
	return nil
}
