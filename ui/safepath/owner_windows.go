package safepath

import "io/fs"

// othersCanWrite is not known from a folder's mode on Windows.
func othersCanWrite(fs.FileInfo) bool { return false }
