package emulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// oldestVersion and newestVersion bound the list at /services/data. Paths take any version: clients ask for the strangest.
const (
	oldestVersion = 31
	newestVersion = "68"
)

// versions answers /services/data, which needs no token; XML when Accept asks for it (B). Three releases a year: v20.0 was
// Winter '11.
func (s *Server) versions(c *call) {
	type version struct {
		Label   string `json:"label" xml:"label"`
		URL     string `json:"url" xml:"url"`
		Version string `json:"version" xml:"version"`
	}
	var list []version
	last, _ := strconv.Atoi(newestVersion) // a constant
	for n := oldestVersion; n <= last; n++ {
		season := [...]string{"Winter", "Spring", "Summer"}[(n-20)%3]
		number := strconv.Itoa(n) + ".0"
		list = append(list, version{fmt.Sprintf("%s '%d", season, 11+(n-20)/3), "/services/data/v" + number, number})
	}
	if !c.wantsXML() {
		c.writeJSON(http.StatusOK, list)
		return
	}
	var body bytes.Buffer
	body.WriteString(xml.Header)
	if err := xml.NewEncoder(&body).Encode(struct {
		XMLName  xml.Name  `xml:"Versions"`
		Versions []version `xml:"Version"`
	}{Versions: list}); err != nil {
		panic(err) // our own values
	}
	c.write(http.StatusOK, "application/xml;charset=UTF-8", body.Bytes())
}

// wantsXML reports whether Accept names XML before JSON.
func (c *call) wantsXML() bool {
	for kind := range strings.SplitSeq(c.r.Header.Get("Accept"), ",") {
		kind, _, _ = strings.Cut(strings.TrimSpace(kind), ";")
		switch kind {
		case "application/json", "*/*":
			return false
		case "application/xml", "text/xml":
			return true
		}
	}
	return false
}
