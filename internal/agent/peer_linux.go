package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// Supported says whether this system tells who is at the other end of a socket.
const Supported = true

// peer returns the user at the other end, as the kernel knows it (unix(7), SO_PEERCRED).
func peer(conn *net.UnixConn) (uid int, err error) {
	uid = -1
	raw, err := conn.SyscallConn()
	if err != nil {
		return uid, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		var credentials *unix.Ucred
		if credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(credentials.Uid)
		}
	})
	if controlErr != nil {
		return -1, controlErr
	}
	return uid, err
}
