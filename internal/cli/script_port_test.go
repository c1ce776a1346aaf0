package cli

import (
	"fmt"
	"net"
	"strings"
)

// portFree is the condition [free:PORT]: the Salesforce CLI's app has one redirect URI, whose port may be in use on this machine.
func portFree(condition string) (bool, error) {
	port, ok := strings.CutPrefix(condition, "free:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return false, nil
	}
	return true, listener.Close()
}
