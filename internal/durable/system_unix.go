//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OpenFlags open a file that may be in danger: no symbolic link is followed, and a pipe in the file's place does not hang the program.
const OpenFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func isLink(err error) bool { return errors.Is(err, syscall.ELOOP) }

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// syncDir makes the names in a directory durable. File systems that cannot do that for a directory say EINVAL.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := syncFile(d); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
