package manage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// problem is the answer to a request that could not be met.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, why string) { answer(w, status, problem{why}) }

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a client that has gone is told nothing
}

func done(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

// read decodes a JSON body into value; if that cannot be, it has answered already. Only JSON: a form on another site can send
// other types without asking.
func read(w http.ResponseWriter, r *http.Request, value any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "the body must be JSON: send Content-Type: application/json")
		return false
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(value); err == nil {
		if _, more := decoder.Token(); errors.Is(more, io.EOF) {
			return true
		}
		err = errors.New("there is more after the value")
	}
	refuse(w, http.StatusBadRequest, fmt.Sprintf("read body: %v", err))
	return false
}

// number reads an optional parameter that counts something.
func number(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("parameter %s: %q: want a number of 0 or more", name, text)
	}
	return n, nil
}
