//go:build !unix

package stdio

import (
	"io/fs"
	"path/filepath"
	"strings"
)

func ownerOf(fs.FileInfo) (uid, inode uint64) { return 0, 0 }

// There are no links and pipes here that a program of the same user could put in
// the place of a file.
const openPlain = 0

func solely(fs.FileInfo, int) bool { return true }

func executable(fi fs.FileInfo) bool {
	switch strings.ToLower(filepath.Ext(fi.Name())) {
	case ".exe", ".com":
		return fi.Mode().IsRegular()
	}
	return false
}
