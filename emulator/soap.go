package emulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	soapSpace     = "http://schemas.xmlsoap.org/soap/envelope/"
	instanceSpace = "http://www.w3.org/2001/XMLSchema-instance"
)

// soapService is one of the SOAP APIs, by the letter in its path.
type soapService struct {
	space      string // of its elements
	faultSpace string
	operations map[string]func(*Server, *soapCall) (any, *soapFault)
	open       string // the operation that needs no session
}

func soapServices() map[string]*soapService {
	partner := map[string]func(*Server, *soapCall) (any, *soapFault){
		"login": (*Server).soapLogin, "logout": (*Server).soapLogout, "getUserInfo": (*Server).soapUserInfo,
	}
	return map[string]*soapService{
		"u": {space: "urn:partner.soap.sforce.com", faultSpace: "urn:fault.partner.soap.sforce.com", operations: partner, open: "login"},
		"c": {space: "urn:enterprise.soap.sforce.com", faultSpace: "urn:fault.enterprise.soap.sforce.com", operations: partner, open: "login"},
		"m": {space: metadataSpace, faultSpace: metadataSpace, operations: map[string]func(*Server, *soapCall) (any, *soapFault){
			"describeMetadata": (*Server).describeMetadata, "listMetadata": (*Server).listMetadata, "readMetadata": (*Server).readMetadata,
			"deploy": (*Server).soapDeploy, "checkDeployStatus": (*Server).checkDeployStatus,
		}},
	}
}

// soapCall is a request to a SOAP API.
type soapCall struct {
	*call
	service   *soapService
	operation *node
	session   *session // nil for login
	who       *account
}

type soapFault struct {
	code, message string
	client        bool // the request itself is at fault: no sf: code
	login         bool // a LoginFault rather than an UnexpectedErrorFault
}

var faultSession = &soapFault{code: "INVALID_SESSION_ID", message: "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session hash"}

// soap answers /services/Soap/<u|c|m>/<version>, with the org's id behind it or not. Prefixes and SOAPAction differ from
// client to client; the elements' local names count.
func (s *Server) soap(c *call) {
	service := soapServices()[c.r.PathValue("service")]
	if service == nil || c.r.Method != http.MethodPost {
		http.Error(c.w, "no such SOAP service", http.StatusNotFound)
		return
	}
	request := &soapCall{call: c, service: service}
	answer, no := s.soapAnswer(request)
	if no != nil {
		c.entry.Error = no.code
		c.write(http.StatusInternalServerError, "text/xml;charset=UTF-8", service.fault(no))
		return
	}
	c.write(http.StatusOK, "text/xml;charset=UTF-8", service.response(request.operation.name, answer))
}

func (s *Server) soapAnswer(c *soapCall) (any, *soapFault) {
	if _, sent := c.r.Header["Soapaction"]; !sent {
		return nil, &soapFault{client: true, message: "SOAPAction HTTP header missing"}
	}
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, &soapFault{client: true, message: "the request is too large"}
	}
	envelope, err := parseXML(bytes.NewReader(body))
	if err != nil || envelope.name != "Envelope" || envelope.space != soapSpace {
		return nil, &soapFault{client: true, message: "Content is not allowed in prolog."}
	}
	inner := envelope.child("Body")
	if inner == nil || len(inner.kids) != 1 {
		return nil, &soapFault{client: true, message: "the body must hold one operation"}
	}
	c.operation = inner.kids[0]
	run := c.service.operations[c.operation.name]
	if run == nil {
		return nil, &soapFault{client: true, message: fmt.Sprintf("No operation available for request {%s}%s, please check the WSDL for the service.", c.operation.space, c.operation.name)}
	}
	if c.operation.name != c.service.open {
		c.session = s.useSession(envelope.value("Header", "SessionHeader", "sessionId"))
		if c.session == nil || s.elsewhere(c.call, c.session) || !c.session.hasScope("api") || s.barred(c.session) {
			return nil, faultSession
		}
		c.who = s.owner(c.session)
		if !c.who.may(APIEnabled) {
			return nil, &soapFault{code: "API_CURRENTLY_DISABLED", message: "API is disabled for this User"}
		}
	}
	return run(s, c)
}

// tree is an answer's content in order; a map or a list is written as elements of its keys.
type tree []pair

type pair struct {
	name  string
	value any // nil, string, bool, int, tree, map[string]any, []any or *typed
}

// typedNode is an element with an xsi:type.
type typedNode struct {
	kind string
	node *node
}

func (v *soapService) response(operation string, answer any) []byte {
	var out bytes.Buffer
	out.WriteString(xml.Header + `<soapenv:Envelope xmlns:soapenv="` + soapSpace + `" xmlns="` + v.space + `" xmlns:xsi="` + instanceSpace + `"><soapenv:Body>`)
	out.WriteString("<" + operation + "Response>")
	if answer != nil {
		appendXML(&out, "result", answer)
	}
	out.WriteString("</" + operation + "Response></soapenv:Body></soapenv:Envelope>")
	return out.Bytes()
}

func appendXML(out *bytes.Buffer, name string, value any) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			appendXML(out, name, one)
		}
		return
	case nil:
		out.WriteString("<" + name + ` xsi:nil="true"/>`)
		return
	case *typedNode:
		value.node.name = name
		value.node.write(out, ` xsi:type="`+value.kind+`"`)
		return
	}
	out.WriteString("<" + name + ">")
	switch value := value.(type) {
	case tree:
		for _, pair := range value {
			appendXML(out, pair.name, pair.value)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			appendXML(out, key, value[key])
		}
	default:
		_ = xml.EscapeText(out, []byte(fmt.Sprint(value))) // a bytes.Buffer takes everything
	}
	out.WriteString("</" + name + ">")
}

// fault writes a refusal as captured: the code twice, in faultstring and in detail.
func (v *soapService) fault(no *soapFault) []byte {
	var out bytes.Buffer
	out.WriteString(xml.Header + `<soapenv:Envelope xmlns:soapenv="` + soapSpace + `" xmlns:sf="` + v.faultSpace + `" xmlns:xsi="` + instanceSpace + `"><soapenv:Body><soapenv:Fault>`)
	if no.client {
		appendXML(&out, "faultcode", "soapenv:Client")
		appendXML(&out, "faultstring", no.message)
	} else {
		appendXML(&out, "faultcode", "sf:"+no.code)
		appendXML(&out, "faultstring", no.code+": "+no.message)
		kind := "sf:UnexpectedErrorFault"
		if no.login {
			kind = "sf:LoginFault"
		}
		out.WriteString("<detail><" + kind + ` xsi:type="` + kind + `">`)
		appendXML(&out, "sf:exceptionCode", no.code)
		appendXML(&out, "sf:exceptionMessage", no.message)
		out.WriteString("</" + kind + "></detail>")
	}
	out.WriteString("</soapenv:Fault></soapenv:Body></soapenv:Envelope>")
	return out.Bytes()
}

// soapVersion is the version of the path without a leading v: clients send "64.0".
func (c *soapCall) version() string { return strings.TrimPrefix(c.r.PathValue("version"), "v") }
