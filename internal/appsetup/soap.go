package appsetup

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/sftoken/sftoken"
)

// answerLimit bounds what is read of a SOAP answer.
const answerLimit = 4 << 20

// record is a component as readMetadata returns it.
type record struct {
	FullName string `xml:"fullName"`
	App      string `xml:"externalClientApplication"`
	Inner    []byte `xml:",innerxml"`
}

// read asks for components by name (D: Metadata API, readMetadata; SOAP, because REST reads no metadata) and returns those
// that there are. The org answers with an empty record for each that there is not. Ten names at most.
func (o *Org) read(ctx context.Context, k kind, fullNames ...string) ([]record, error) {
	session, err := o.Token(ctx, sftoken.Secret{})
	if err != nil {
		return nil, err
	}
	found, err := o.readMetadata(ctx, session, k, fullNames)
	// The session may have ended since it was made. One new one for one rejected: a second refusal is a policy.
	if wire, ok := errors.AsType[*sftoken.Error](err); !ok || wire.Code != "INVALID_SESSION_ID" {
		return found, err
	}
	renewed, renewErr := o.Token(ctx, session)
	if renewErr != nil {
		return nil, renewErr
	}
	if renewed.Equal(session) {
		return nil, err
	}
	return o.readMetadata(ctx, renewed, k, fullNames)
}

func (o *Org) readMetadata(ctx context.Context, session sftoken.Secret, k kind, fullNames []string) ([]record, error) {
	version, err := o.version(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	res, err := o.API.Do(ctx, http.MethodPost, "/services/Soap/m/"+version, bytes.NewReader(envelope(session, k, fullNames)), http.Header{
		"Content-Type": {"text/xml; charset=UTF-8"}, "Soapaction": {`""`}, "Accept": {"text/xml"},
	})
	if res == nil {
		return nil, err
	}
	defer res.Body.Close()
	body, readErr := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if readErr != nil {
		return nil, &sftoken.TransportError{Endpoint: "metadata", URL: res.Request.URL.Path, Err: readErr}
	}
	var answer struct {
		Fault *struct {
			Code string `xml:"faultcode"`
			Text string `xml:"faultstring"`
		} `xml:"Body>Fault"`
		Records []record `xml:"Body>readMetadataResponse>result>records"`
	}
	unreadable := xml.Unmarshal(body, &answer)
	switch {
	case unreadable == nil && answer.Fault != nil:
		return nil, fault(res.StatusCode, answer.Fault.Code, answer.Fault.Text)
	case err != nil:
		return nil, err
	case unreadable != nil:
		return nil, errors.New("read metadata: the org's answer is no SOAP message")
	}
	return slices.DeleteFunc(answer.Records, func(r record) bool { return r.FullName == "" }), nil
}

// envelope writes the request. The session stands in it, because SOAP knows no Authorization header.
func envelope(session sftoken.Secret, k kind, fullNames []string) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:met="` + metadataNamespace + `">`)
	b.WriteString(`<soapenv:Header><met:SessionHeader><met:sessionId>`)
	_ = xml.EscapeText(&b, []byte(session.Reveal())) // a bytes.Buffer takes everything
	b.WriteString(`</met:sessionId></met:SessionHeader></soapenv:Header>`)
	b.WriteString(`<soapenv:Body><met:readMetadata><met:type>` + k.name + `</met:type>`)
	for _, name := range fullNames {
		b.WriteString(`<met:fullNames>`)
		_ = xml.EscapeText(&b, []byte(name))
		b.WriteString(`</met:fullNames>`)
	}
	b.WriteString(`</met:readMetadata></soapenv:Body></soapenv:Envelope>`)
	return b.Bytes()
}

// fault is what a SOAP fault stands for: "sf:INSUFFICIENT_ACCESS" and "INSUFFICIENT_ACCESS: …".
func fault(status int, code, text string) error {
	_, code, _ = strings.Cut(code, ":")
	text = strings.Join(strings.Fields(strings.Map(printable, text)), " ")
	if len(text) > maxProblem {
		text = strings.ToValidUTF8(text[:maxProblem], "") + " …"
	}
	e := &sftoken.Error{Endpoint: "metadata", Status: status, Code: code, Description: text}
	if status == http.StatusInternalServerError {
		e.Status = http.StatusBadRequest // SOAP answers every fault with 500, and most of them are no failure of the server
	}
	if needsAdmin(e) || code == "INVALID_SESSION_ID" {
		e.Err = sftoken.ErrBlocked // the session was good a moment ago: SOAP does not take it
	}
	return fmt.Errorf("read metadata: %w", e)
}

// body decodes the fields of a record.
func (r record) body(into any) error {
	whole := append(append([]byte("<records>"), r.Inner...), "</records>"...)
	if err := xml.Unmarshal(whole, into); err != nil {
		return fmt.Errorf("read metadata: %s: %w", r.FullName, err)
	}
	return nil
}
