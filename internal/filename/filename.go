// Package filename turns aliases into file names and back: for what stores keep in a file of its own a grant (the grant
// itself, its lock, its spool).
//
// It touches no file. For stores and the packages below them.
package filename

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/sftoken/sftoken/store"
)

// Of is the alias with all but [a-z0-9._-] as %xx: aliases that differ by case get names that differ on every file system,
// and the alias can be read back without the key.
func Of(alias string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	device := isDevice(alias)
	for i := range len(alias) {
		c := alias[i]
		plain := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("._-", c) >= 0
		if plain && !(device && i == 0) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// Alias reads back what Of gave. Names that Of does not give are not ours.
func Alias(name string) (alias string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		c, err := hex.DecodeString(name[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	alias = b.String()
	return alias, store.ValidAlias(alias) == nil && Of(alias) == name
}

// Aliases are those of the names that end in suffix, in the order of the names; other names are left out.
func Aliases(names []string, suffix string) []string {
	var aliases []string
	for _, name := range names {
		if name, ok := strings.CutSuffix(name, suffix); ok {
			if alias, ok := Alias(name); ok {
				aliases = append(aliases, alias)
			}
		}
	}
	return aliases
}

// isDevice tells whether Windows would take a file of this name, whatever its extension, for a device.
func isDevice(alias string) bool {
	stem, _, _ := strings.Cut(alias, ".")
	if slices.Contains([]string{"con", "prn", "aux", "nul"}, stem) {
		return true
	}
	return len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
}
