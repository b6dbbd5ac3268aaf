package cli

import "runtime/debug"

// Version returns what --version prints: the version, the commit and its date.
// Empty arguments are taken from the build information that the go tool puts into
// the binary.
func Version(version, commit, date string) string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		version = info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && commit == "":
				commit = s.Value
			case s.Key == "vcs.time" && date == "":
				date = s.Value
			}
		}
	}
	if version == "" {
		version = "(devel)"
	}
	if len(commit) > 12 {
		commit = commit[:12]
	}
	switch {
	case commit == "":
		return version
	case date == "":
		return version + " (" + commit + ")"
	}
	return version + " (" + commit + ", " + date + ")"
}
