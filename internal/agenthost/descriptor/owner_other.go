//go:build !unix

package descriptor

import (
	"io/fs"
	"path/filepath"
	"strings"
)

func ownerOf(fs.FileInfo) (uid, inode uint64) { return 0, 0 }

func executable(fi fs.FileInfo) bool {
	switch strings.ToLower(filepath.Ext(fi.Name())) {
	case ".exe", ".com":
		return fi.Mode().IsRegular()
	}
	return false
}
