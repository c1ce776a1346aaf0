//go:build !linux && !darwin

package agent

import (
	"errors"
	"net"
)

// Supported says whether this system tells who is at the other end of a socket.
const Supported = false

func peer(*net.UnixConn) (uid int, err error) { return -1, errors.ErrUnsupported }
