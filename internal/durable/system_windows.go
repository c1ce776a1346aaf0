package durable

import (
	"errors"
	"io/fs"
	"syscall"
)

// OpenFlags are none: making a link takes a privilege on Windows.
const OpenFlags = 0

const (
	errorHandleDiskFull = syscall.Errno(39)
	errorDiskFull       = syscall.Errno(112)
)

func owner(fs.FileInfo) int { return -1 }

func isLink(error) bool { return false }

func isNoSpace(err error) bool {
	return errors.Is(err, errorDiskFull) || errors.Is(err, errorHandleDiskFull)
}

// syncDir does nothing: NTFS journals names by itself, and a directory cannot be flushed.
func syncDir(string) error { return nil }
