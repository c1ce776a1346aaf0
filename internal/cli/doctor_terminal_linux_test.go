package cli

import (
	"testing"
	"time"
)

// On a terminal doctor shows how far it is, and the verdict stands alone in the end.
func TestDoctorProgress(t *testing.T) {
	t.Parallel()
	s := sit(t, nil, "doctor", "--host", "http://localhost:"+freePort(), "--client-id", "PlatformCLI")
	s.wait(`\[[0-9]+/[0-9]+\] `)
	s.wait(`Nobody answers`)
	if code := s.exit(5 * time.Second); code != exitTryAgain {
		t.Errorf("exit code %d: %s", code, s.seen())
	}
}
