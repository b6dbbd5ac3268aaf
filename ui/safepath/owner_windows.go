package safepath

import "io/fs"

// othersCanWrite is always false: on Windows a folder's mode does not tell.
func othersCanWrite(fs.FileInfo) bool { return false }
