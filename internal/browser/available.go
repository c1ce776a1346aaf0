package browser

import "runtime"

// Why no browser can be expected, as an id to print a sentence for.
const (
	OverSSH     = "ssh"
	InContainer = "container"
	NoDisplay   = "no-display"
)

// Available reports whether a browser that the person sees can be expected here, and if not, why. getenv reads the
// environment, exists says whether a file is there. A BROWSER that is set counts as a browser: it is how editors that work
// on remote machines and in containers open one at the person's side.
func Available(getenv func(string) string, exists func(path string) bool) (available bool, reason string) {
	return availableOn(runtime.GOOS, getenv, exists)
}

func availableOn(goos string, getenv func(string) string, exists func(path string) bool) (bool, string) {
	display := getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
	switch {
	case getenv("BROWSER") != "":
		return true, ""
	case isContainer(getenv, exists):
		return false, InContainer
	case display:
		return true, ""
	case getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "":
		return false, OverSSH
	case goos == "windows" || goos == "darwin" || isWSL(getenv):
		return true, ""
	default:
		return false, NoDisplay
	}
}

func isContainer(getenv func(string) string, exists func(path string) bool) bool {
	for _, name := range []string{"CODESPACES", "REMOTE_CONTAINERS", "KUBERNETES_SERVICE_HOST"} {
		if getenv(name) != "" {
			return true
		}
	}
	// The first is Docker's mark, the second that of Podman and its like.
	return exists("/.dockerenv") || exists("/run/.containerenv")
}

func isWSL(getenv func(string) string) bool {
	return getenv("WSL_DISTRO_NAME") != "" || getenv("WSL_INTEROP") != ""
}
