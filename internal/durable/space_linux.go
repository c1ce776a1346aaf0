package durable

import (
	"os"
	"syscall"
)

// setAside has the kernel allocate the space. It is not synced: it is for this process, and what it costs to lose it in a
// power cut is nothing. Should that not be possible here (NFS before 4.2), writing is, or tells why not.
func setAside(f *os.File, size int) error {
	if syscall.Fallocate(int(f.Fd()), 0, 0, int64(size)) == nil {
		return nil
	}
	return fill(f, size)
}
