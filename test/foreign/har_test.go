package foreign

import (
	"net/http"
	"testing"
	"time"

	"github.com/sftoken/sftoken"
	"github.com/sftoken/sftoken/emulator"
	"github.com/sftoken/sftoken/emulator/emulatortest"
	"github.com/sftoken/sftoken/internal/wire"
	"github.com/sftoken/sftoken/test/need"
	"github.com/sftoken/sftoken/test/place"
)

// An archive of what the client sends is valid by the schema that readers of archives hold it to, failures too.
func TestHARIsValid(t *testing.T) {
	t.Parallel()
	need.Package(t, "har-validator")
	s := emulatortest.Start(t)
	g := place.Login(t, s, "prod", emulator.Username)
	recorder := &wire.Recorder{Base: sftoken.DefaultHTTP().Transport}
	client := &sftoken.Client{App: g.App, HTTP: &http.Client{Transport: recorder, Timeout: time.Minute}}
	if _, err := client.Refresh(t.Context(), g.RefreshToken); err != nil {
		t.Fatal(err)
	}
	s.Emulator().Fail(emulator.Fault{Endpoint: emulator.Token, Status: 503, Body: "<html>down"})
	if _, err := client.Refresh(t.Context(), g.RefreshToken); err == nil {
		t.Error("no error from a server that is down")
	}
	if err := client.Revoke(t.Context(), g.RefreshToken); err != nil {
		t.Fatal(err)
	}
	nowhere, err := sftoken.ParseHost("http://localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	client.App.Host = nowhere
	if _, err := client.Refresh(t.Context(), g.RefreshToken); err == nil {
		t.Error("no error from a server that is gone")
	}
	archive, err := wire.HAR(recorder.Exchanges(), "sftoken", "1")
	if err != nil {
		t.Fatal(err)
	}
	js := startScript(t, "exports", "jsforce")
	var answer struct{ Read struct{ Entries int } }
	js.tell(t, "har", told{"text": string(archive)}, &answer)
	if answer.Read.Entries != 4 {
		t.Errorf("%d entries, want 4", answer.Read.Entries)
	}
}
