package proxy

import (
	"context"
	"errors"
	"net"
)

// ListenSocket is not to be had: Windows does not keep others from a Unix socket by its mode.
func ListenSocket(context.Context, string) (net.Listener, error) { return nil, errors.ErrUnsupported }
