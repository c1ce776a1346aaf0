package need

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// Disk mounts a tmpfs at dir for the rest of the test, with the given mount options ("size=512k,mode=0700"): a disk that is
// soon full. Only root can.
func Disk(t testing.TB, dir, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root, to mount a small disk")
	}
	if err := syscall.Mount("sftoken-test", dir, "tmpfs", 0, options); err != nil {
		missing(t, fmt.Sprintf("a small disk, which cannot be mounted here: %v", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}
