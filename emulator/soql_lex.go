package emulator

import (
	"strings"
	"unicode/utf8"
)

// lexeme is a word of SOQL.
type lexeme struct {
	kind lexemeKind
	text string // of a string literal: without quotes and escapes
	at   int    // byte offset
}

type lexemeKind int

const (
	endOfQuery lexemeKind = iota
	word                  // name, keyword, date literal, path
	number                // number, date or time
	quotation             // 'text'
	mark                  // operator or punctuation
)

// is compares without regard to case, as SOQL does.
func (l lexeme) is(text string) bool {
	return (l.kind == word || l.kind == mark) && strings.EqualFold(l.text, text)
}

func isLetter(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// lex cuts a query into lexemes; the last is endOfQuery.
func lex(soql string) ([]lexeme, *soqlError) {
	if !utf8.ValidString(soql) {
		return nil, malformed("line 1:1 no viable alternative at character")
	}
	var out []lexeme
	for i := 0; i < len(soql); {
		start := i
		switch c := soql[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case isLetter(c):
			for i < len(soql) && (isLetter(soql[i]) || isDigit(soql[i]) || soql[i] == '.') {
				i++
			}
			out = append(out, lexeme{word, soql[start:i], start})
		case isDigit(c) || (c == '-' || c == '+') && i+1 < len(soql) && isDigit(soql[i+1]):
			for i++; i < len(soql) && (isDigit(soql[i]) || strings.IndexByte(".:-+TZ", soql[i]) >= 0); i++ {
			}
			out = append(out, lexeme{number, soql[start:i], start})
		case c == '\'':
			text, end, ok := lexString(soql, i)
			if !ok {
				return nil, malformed("line 1:%d no viable alternative at character '<EOF>'", len(soql))
			}
			out, i = append(out, lexeme{quotation, text, start}), end
		default:
			i++
			if i < len(soql) && (soql[start:i+1] == "!=" || soql[start:i+1] == "<=" || soql[start:i+1] == ">=" || soql[start:i+1] == "<>") {
				i++
			}
			if i == start+1 && strings.IndexByte("=<>(),:", c) < 0 {
				_, size := utf8.DecodeRuneInString(soql[start:])
				return nil, malformed("line 1:%d no viable alternative at character '%s'", start, soql[start:start+size])
			}
			out = append(out, lexeme{mark, soql[start:i], start})
		}
	}
	return append(out, lexeme{kind: endOfQuery, text: "<EOF>", at: len(soql)}), nil
}

// lexString reads the literal that begins at i, with SOQL's escapes. \% and \_ keep their backslash: LIKE reads it.
func lexString(soql string, i int) (text string, end int, ok bool) {
	var out strings.Builder
	for i++; i < len(soql); i++ {
		switch soql[i] {
		case '\'':
			return out.String(), i + 1, true
		case '\\':
			i++
			if i == len(soql) {
				return "", i, false
			}
			switch soql[i] {
			case 'n':
				out.WriteByte('\n')
			case 'r':
				out.WriteByte('\r')
			case 't':
				out.WriteByte('\t')
			case 'b':
				out.WriteByte('\b')
			case 'f':
				out.WriteByte('\f')
			case '\\', '\'', '"':
				out.WriteByte(soql[i])
			case '%', '_':
				out.WriteByte('\\')
				out.WriteByte(soql[i])
			default:
				return "", i, false
			}
		default:
			out.WriteByte(soql[i])
		}
	}
	return "", i, false
}
