package sftoken

import (
	"net/url"
	"strings"
)

var (
	bareCode   = lazy(`^[A-Za-z0-9._~+/%=-]{8,}$`)
	screenText = lazy(`^([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:\s*:\s*(.*))?$`)
	hexEscape  = lazy(`%[0-9A-Fa-f]{2}`)
)

// ParsePasted reads what a person pastes when the browser could not reach us: the whole address of the callback or of
// Salesforce's error page, its query or fragment alone, the code alone (percent-encoded or not), or the line
// "OAUTH_… : …" from the screen. The result holds the parameters of a callback. The error is a *CallbackError, which
// never repeats what was pasted.
func ParsePasted(text string) (url.Values, error) {
	text = trimPaste(text)
	if part := screenText().FindStringSubmatch(text); part != nil {
		return url.Values{"error": {part[1]}, "error_description": {part[2]}}, nil
	}
	text = strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(text) // a terminal or a mail broke the line
	if strings.Contains(text, "://") {
		text = strings.ReplaceAll(text, " ", "") // but the bare text of an error has spaces of its own
	}
	if len(text) > 16<<10 {
		return nil, unreadable
	}
	if query := pastedParameters(text); query != nil {
		return query, nil
	}
	switch {
	case text == "":
		return nil, &CallbackError{"nothing was pasted", "pasted-unreadable"}
	case strings.Contains(text, "/services/oauth2/authorize"), strings.Contains(text, "startURL="),
		strings.Contains(text, "RemoteAccessAuthorizationPage"):
		return nil, &CallbackError{"this page comes before the code: log in, press Allow, then copy the address", "pasted-unfinished"}
	case accessTokenForm().MatchString(text), refreshTokenForm().MatchString(text):
		return nil, &CallbackError{"this is a token already, not a code", "pasted-token"}
	case bareCode().MatchString(text) && !strings.Contains(text, "://"):
		return url.Values{"code": {unescapeCode(text)}}, nil
	}
	return nil, unreadable
}

var unreadable = &CallbackError{"neither an address with a code or an error in it, nor a code", "pasted-unreadable"}

// pastedParameters returns the query of text, or its fragment where that holds the answer, or text itself read as a
// query; nil when none of them holds a code, an error or a token.
func pastedParameters(text string) url.Values {
	rest, fragment, _ := strings.Cut(text, "#")
	query := rest
	if _, after, ok := strings.Cut(rest, "?"); ok {
		query = after
	}
	for _, part := range []string{query, strings.TrimPrefix(fragment, "?")} {
		values, _ := url.ParseQuery(part) // the parameters that can be read, whatever the rest is
		if values.Get("code") == "" && values.Get("error") == "" && !values.Has("access_token") {
			continue
		}
		for i, code := range values["code"] {
			values["code"][i] = unescapeCode(code)
		}
		return values
	}
	return nil
}

// unescapeCode decodes a code that is percent-encoded once more than its place asks for: address bars show "==" at its
// end as "%3D%3D", and people copy that. A plus sign stays one, and a space was one: no code has spaces.
func unescapeCode(code string) string {
	code = strings.ReplaceAll(code, " ", "+")
	if hexEscape().MatchString(code) {
		if plain, err := url.PathUnescape(code); err == nil {
			return plain
		}
	}
	return code
}
