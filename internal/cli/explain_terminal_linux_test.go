package cli

import (
	"testing"
	"time"
)

// A person pastes several lines into the terminal, and ends with Ctrl-D; Ctrl-C leaves.
func TestExplainPasted(t *testing.T) {
	t.Parallel()
	s := sit(t, nil, "explain", "--lang", "ja")
	s.wait(`Ctrl-D`)
	s.write("OAuth Error\rhttps://acme.my.salesforce.com/x?error=invalid_client&error_description=app+must+be+installed+into+org\r\x04")
	s.wait(`app-not-installed`)
	if code := s.exit(5 * time.Second); code != exitOK {
		t.Errorf("exit code %d: %s", code, s.seen())
	}
	s = sit(t, nil, "explain")
	s.wait(`Ctrl-D`)
	s.write("\x03")
	if code := s.exit(5 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d after Ctrl-C: %s", code, s.seen())
	}
}
