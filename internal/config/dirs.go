package config

import (
	"path/filepath"
	"runtime"
)

// Dirs are the folders of one person's files.
type Dirs struct {
	Data   string // grants, apps, the data key
	Config string // the config file, config.toml
}

// File is the path of the config file.
func (d Dirs) File() string { return filepath.Join(d.Config, "config.toml") }

// FindDirs names the folders: SFTOKEN_HOME for both, else the XDG base directories where the variables are set, else what
// the platform uses. It creates nothing.
func FindDirs(getenv func(string) string) (Dirs, error) {
	if home := getenv("SFTOKEN_HOME"); home != "" {
		home, err := filepath.Abs(home)
		if err != nil {
			return Dirs{}, &Error{Source: "SFTOKEN_HOME", Reason: err.Error()}
		}
		return Dirs{Data: home, Config: home}, nil
	}
	data, conf := platformDirs(runtime.GOOS, getenv)
	// A relative path in an XDG variable is to be ignored (XDG Base Directory Specification, "Environment variables").
	if xdg := getenv("XDG_DATA_HOME"); filepath.IsAbs(xdg) {
		data = xdg
	}
	if xdg := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		conf = xdg
	}
	if data == "" || conf == "" {
		return Dirs{}, &Error{Source: "HOME", Reason: "is not set, so there is no place for files; set HOME or SFTOKEN_HOME"}
	}
	return Dirs{Data: filepath.Join(data, "sftoken"), Config: filepath.Join(conf, "sftoken")}, nil
}

func platformDirs(goos string, getenv func(string) string) (data, conf string) {
	switch goos {
	case "windows":
		return getenv("LocalAppData"), getenv("AppData")
	case "darwin":
		return under(getenv("HOME"), "Library", "Application Support"), under(getenv("HOME"), "Library", "Application Support")
	default:
		return under(getenv("HOME"), ".local", "share"), under(getenv("HOME"), ".config")
	}
}

func under(home string, names ...string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home}, names...)...)
}
