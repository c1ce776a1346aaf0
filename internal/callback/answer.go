package callback

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/sftoken/sftoken/internal/message"
)

// lastPage returns the path to which the browser is sent when the login has ended: one without code and state (C-30), and
// not the callback's own.
func (r redirect) lastPage() string {
	const path = "/login-finished"
	if r.path == path {
		return path + "/page"
	}
	return path
}

// answer serves every request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// A body is ignored, and not waited for.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	}
	path := r.URL.EscapedPath()
	switch {
	case withoutPort80(strings.ToLower(r.Host)) != s.redirect.host:
		// DNS rebinding: a page of another site has had its own name resolved to this machine.
		plain(w, http.StatusMisdirectedRequest)
	case path != s.redirect.path && path != s.redirect.lastPage():
		plain(w, http.StatusNotFound) // favicons, robots.txt, probes
	case r.Method == http.MethodOptions && path == s.redirect.path && r.Header.Get("Access-Control-Request-Private-Network") == "true":
		w.WriteHeader(http.StatusNoContent) // Chrome asks before it lets a public site lead here (C-35)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		plain(w, http.StatusMethodNotAllowed)
	case len(r.RequestURI) > maxTarget:
		plain(w, http.StatusRequestURITooLong)
	case path == s.redirect.path:
		s.receive(w, r)
	default:
		s.showLast(w)
	}
}

// receive judges a request for the callback itself.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) {
	lang := message.FromAcceptLanguage(r.Header.Get("Accept-Language"))
	if r.URL.RawQuery == "" {
		// An answer in the fragment (#code=…) looks like this too: browsers do not send it.
		write(w, http.StatusOK, noticeView(lang, "empty"))
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || repeats(query) || !query.Has("state") || !s.match(query.Get("state")) {
		write(w, http.StatusBadRequest, noticeView(lang, "foreign"))
		return
	}
	arrival := s.admit(query, lang)
	if arrival == nil {
		write(w, http.StatusOK, noticeView(lang, "already"))
		return
	}
	select {
	case <-arrival.finished:
		setHeaders(w)
		w.Header().Set("Location", s.redirect.lastPage())
		w.WriteHeader(http.StatusSeeOther)
	case <-s.closing: // the code was pasted, or the login was given up
		write(w, http.StatusOK, noticeView(lang, "already"))
	case <-r.Context().Done(): // the tab was closed or reloaded; the login goes on
		s.mu.Lock()
		s.audience--
		s.mu.Unlock()
	}
}

// admit makes the first delivery the arrival. Later ones wait for the same end while it is under way, so that a person who
// reloads the page out of impatience still sees how it ended; after that they get nil.
func (s *Server) admit(query url.Values, lang language.Tag) *Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.arrival == nil:
		s.arrival = &Arrival{Query: query, Language: lang, finished: make(chan struct{})}
		s.arrivals <- s.arrival
	case s.arrival.isFinished():
		return nil
	}
	s.audience++
	return s.arrival
}

// showLast serves the page that tells how the login ended.
func (s *Server) showLast(w http.ResponseWriter) {
	s.mu.Lock()
	arrival := s.arrival
	s.mu.Unlock()
	if arrival == nil || !arrival.isFinished() {
		plain(w, http.StatusNotFound)
		return
	}
	write(w, arrival.page.status(), arrival.page.view(arrival.Language))
	s.fetch.Do(func() { close(s.fetched) })
}

// repeats reports whether a parameter occurs twice, which no honest answer does (RFC 6749 section 3.1, C-29).
func repeats(query url.Values) bool {
	for _, values := range query {
		if len(values) > 1 {
			return true
		}
	}
	return false
}

func plain(w http.ResponseWriter, status int) {
	setHeaders(w)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status) + "\n"))
}
