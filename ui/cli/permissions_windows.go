package cli

import "io/fs"

// forOthers is always false: on Windows the access list of the profile's folder
// counts, and not a file's mode.
func forOthers(fs.FileInfo, fs.FileMode) bool { return false }

// owner knows no owner: Windows gives other users no way into a user's folders by
// default, and the group owns the files of administrators.
func owner(fs.FileInfo) (uid int, known bool) { return 0, false }
