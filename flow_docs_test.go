package sftoken_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sftoken/sftoken"
)

// flowWords are the words in which docs/*/flows.md tells a flow's facts.
type flowWords struct {
	line                  string // with a verb each for token, renewal, host, scopes, browser, ending
	token, pool, browser  map[bool]string
	scopes                map[bool]string
	renewal               map[sftoken.Renewal]string
	evidence              map[sftoken.Evidence]string
	date, narrowed, never string
}

var flowPages = map[string]flowWords{
	"en": {
		line:     "refresh token: %s · renewed: %s · host: %s · scopes: %s · browser: %s · ends: %s",
		token:    map[bool]string{true: "if asked for", false: "never"},
		pool:     map[bool]string{true: "any login host", false: "My Domain or site only"},
		scopes:   map[bool]string{true: "`--scope`", false: "the app's"},
		browser:  map[bool]string{true: "yes", false: "no"},
		renewal:  map[sftoken.Renewal]string{sftoken.RenewByRefreshToken: "by the refresh token", sftoken.RenewByRunning: "by running it again", sftoken.RenewByLogin: "by a new login"},
		evidence: map[sftoken.Evidence]string{sftoken.Documented: "", sftoken.Quoted: " (quoted)"},
		date:     "2 January 2006", narrowed: " but for some apps", never: "nothing announced",
	},
	"ja": {
		line:     "リフレッシュトークン: %s · 更新: %s · ホスト: %s · スコープ: %s · ブラウザ: %s · 終了: %s",
		token:    map[bool]string{true: "求めれば届く", false: "届かない"},
		pool:     map[bool]string{true: "どのログインホストでも", false: "私のドメインかサイトのみ"},
		scopes:   map[bool]string{true: "`--scope`", false: "アプリケーションの設定どおり"},
		browser:  map[bool]string{true: "必要", false: "不要"},
		renewal:  map[sftoken.Renewal]string{sftoken.RenewByRefreshToken: "リフレッシュトークン", sftoken.RenewByRunning: "再実行", sftoken.RenewByLogin: "再ログイン"},
		evidence: map[sftoken.Evidence]string{sftoken.Documented: "", sftoken.Quoted: "（引用）"},
		date:     "2006 年 1 月 2 日", narrowed: "、一部のアプリケーションを除く", never: "予告なし",
	},
}

func (w flowWords) tell(f sftoken.FlowFacts) string {
	ends := w.never
	if !f.Ending.IsZero() {
		ends = f.Ending.On.Format(w.date)
		if f.Ending.Narrowed {
			ends += w.narrowed
		}
		ends += w.evidence[f.Ending.Evidence]
	}
	return fmt.Sprintf(w.line, w.token[f.RefreshToken], w.renewal[f.Renewal], w.pool[!f.MyDomain], w.scopes[f.Scopes], w.browser[f.Browser], ends)
}

var (
	flowSection = regexp.MustCompile(`(?m)^### (\S+)\n\n(.*)$`)
	flowFlag    = regexp.MustCompile(`--flow ([a-z-]+)`)
	flowFence   = regexp.MustCompile("(?s)```console\n(.*?)```")
	flowSpan    = regexp.MustCompile("`(sftoken login [^`]+)`")
)

// The page on which a person chooses a flow has a section for each, in the order of Flows, which begins with its facts; and
// the commands that it tells to type are the same in both languages, one of them at least for each flow.
func TestFlowsPage(t *testing.T) {
	t.Parallel()
	commands := map[string][]string{}
	for language, words := range flowPages {
		raw, err := os.ReadFile(filepath.Join("docs", language, "flows.md"))
		if err != nil {
			t.Fatal(err)
		}
		page := string(raw)
		var code, docs []string
		for _, f := range sftoken.Flows() {
			code = append(code, f.Flow.String(), words.tell(f))
		}
		for _, section := range flowSection.FindAllStringSubmatch(page, -1) {
			docs = append(docs, section[1], section[2])
		}
		if diff := cmp.Diff(code, docs); diff != "" {
			t.Errorf("docs/%s/flows.md: the code has (-), the page has (+):\n%s", language, diff)
		}

		choose, sections, _ := strings.Cut(page, "\n### ")
		for _, part := range []string{choose, sections} {
			named := map[string]bool{sftoken.FlowWebServer.String(): true} // what is meant without the flag
			for _, name := range flowFlag.FindAllStringSubmatch(part, -1) {
				named[name[1]] = true
			}
			for _, f := range sftoken.Flows() {
				if !named[f.Flow.String()] {
					t.Errorf("docs/%s/flows.md: no command for %s", language, f.Flow)
				}
				delete(named, f.Flow.String())
			}
			for name := range named {
				t.Errorf("docs/%s/flows.md: --flow %s: there is none of that name", language, name)
			}
		}
		for _, found := range append(flowSpan.FindAllStringSubmatch(page, -1), flowFence.FindAllStringSubmatch(page, -1)...) {
			commands[language] = append(commands[language], found[1])
		}
	}
	if diff := cmp.Diff(commands["en"], commands["ja"]); diff != "" || len(commands["en"]) == 0 {
		t.Errorf("the commands differ: English (-), Japanese (+):\n%s", diff)
	}
}
