package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// Supported says whether this system tells who is at the other end of a socket.
const Supported = true

// peer returns the user at the other end, as the kernel knows it (unix(4), LOCAL_PEERCRED).
func peer(conn *net.UnixConn) (uid int, err error) {
	uid = -1
	raw, err := conn.SyscallConn()
	if err != nil {
		return uid, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		var credentials *unix.Xucred
		if credentials, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			uid = int(credentials.Uid)
		}
	})
	if controlErr != nil {
		return -1, controlErr
	}
	return uid, err
}
