package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"text/template"
	"unicode/utf16"
)

// quotes are the ways to write a text so that its target reads it back. Control characters never come here.
var quotes = template.FuncMap{
	"json":       quoteJSON,
	"yaml":       quoteJSON, // YAML 1.2 section 7.3.1: a JSON string is a double-quoted scalar
	"toml":       quoteJSON, // TOML 1.0, basic string: the same escapes
	"js":         quoteJSON, // ECMAScript 2019 made every JSON string a literal
	"python":     quoteJSON,
	"hcl":        quoteHCL,
	"ruby":       quoteRuby,
	"rust":       quoteRust,
	"sql":        quoteSQL,
	"odbc":       quoteODBC,
	"ado":        quoteADO,
	"properties": quoteProperties,
	"xml":        quoteXML,
	"sh":         quoteShell,
	"powershell": quotePowerShell,
	"dotenv":     quoteDotenv,
	"curl":       quoteCurl,
	"base64":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"authurl":    authURLOf,
}

func quoteJSON(s string) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(s)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// quoteHCL also doubles what would begin a template (HCL native syntax, "Quoted Template Expressions").
func quoteHCL(s string) (string, error) {
	quoted, err := quoteJSON(s)
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(quoted), err
}

// quoteRuby writes a literal without interpolation.
func quoteRuby(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func quoteRust(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// quoteSQL writes a string constant. Snowflake reads backslashes in it as escapes.
func quoteSQL(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// quoteODBC puts a value that is not plain into braces (ODBC, SQLDriverConnect: a closing brace is doubled).
func quoteODBC(s string) string {
	if !strings.ContainsAny(s, `[]{}(),;?*!@"'`) && strings.TrimSpace(s) == s {
		return s
	}
	return "{" + strings.ReplaceAll(s, "}", "}}") + "}"
}

// quoteADO puts a value that is not plain into quotes (DbConnectionStringBuilder: a quote is doubled).
func quoteADO(s string) string {
	if !strings.ContainsAny(s, `;'"`) && strings.TrimSpace(s) == s && !strings.HasPrefix(s, "=") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// quoteProperties escapes as java.util.Properties.store does. Files of properties are ISO 8859-1 to old readers.
func quoteProperties(s string) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == ' ' && i == 0, strings.ContainsRune(`\=:#!`, r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case r >= 0x7f:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, `\u%04X`, unit)
			}
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func quoteXML(s string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(s))
	return out.String(), err
}

// quoteShell leaves nothing to expand: access tokens have an exclamation mark, which bash's history takes up.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quotePowerShell doubles every character that PowerShell takes for a single quote.
func quotePowerShell(s string) string {
	return "'" + strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b").Replace(s) + "'"
}

// quoteDotenv writes plain what can be plain: docker --env-file takes quotes for a part of the value. In single quotes every
// reader of .env files takes a text as it is, but for single quotes, which none can have there.
func quoteDotenv(s string) (string, error) {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:/=@%+-", r)
	}
	switch {
	case !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }):
		return s, nil
	case strings.Contains(s, "'"):
		return "", &Error{ID: "characters", Name: "single quote"}
	}
	return "'" + s + "'", nil
}

// quoteCurl writes a value of a curl config file (curl(1), --config).
func quoteCurl(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// authURLOf joins the parts of an SFDX auth URL, which has no quoting: Forms has looked at them.
func authURLOf(clientID, clientSecret, refreshToken, host string) string {
	return "force://" + clientID + ":" + clientSecret + ":" + refreshToken + "@" + host
}
