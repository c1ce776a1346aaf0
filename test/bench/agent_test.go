//go:build unix

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sftoken/sftoken/emulator/emulatortest"
)

// BenchmarkAgent measures a cached access token with the session's agent and without. The key is in a file here: a keyring
// that has to be asked makes the way without dearer.
func BenchmarkAgent(b *testing.B) {
	s := emulatortest.Start(b)
	d := &desk{b: b, dir: b.TempDir()}
	d.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "LANG=en_US.UTF-8", "SFTOKEN_KEYS=file", "XDG_RUNTIME_DIR=" + d.dir}
	sftoken, meter := d.build("./cmd/sftoken"), d.build("./test/bench/meter")
	d.login(sftoken, s)
	var started struct{ Socket string }
	if err := json.Unmarshal(d.run("", sftoken, "agent", "start", "--idle", "1m", "--json"), &started); err != nil {
		b.Fatal(err)
	}
	without := d.env
	with := append(without[:len(without):len(without)], "SFTOKEN_AGENT_SOCK="+started.Socket)
	defer func() {
		d.env = with
		d.run("", sftoken, "agent", "stop")
	}()
	direct, asked := &contender{}, &contender{}
	for range 50 {
		for c, env := range map[*contender][]string{direct: without, asked: with} {
			d.env = env
			var measured struct{ Wall time.Duration }
			if err := json.Unmarshal(d.run("", meter, sftoken, "token", "acme"), &measured); err != nil {
				b.Fatal(err)
			}
			c.walls = append(c.walls, measured.Wall)
		}
	}
	fmt.Printf("\nsftoken token: %.1f ms without an agent, %.1f ms through it\n\n", milliseconds(direct.wall()), milliseconds(asked.wall()))
	b.ReportMetric(float64(direct.wall())/float64(asked.wall()), "direct/agent")
	b.ReportMetric(0, "ns/op")
}
