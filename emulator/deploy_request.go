package emulator

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

const insufficientAccess = "INSUFFICIENT_ACCESS: use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"

// startDeploy answers POST …/metadata/deployRequest: a multipart body with the part json and the part file, raw or in
// base64 (both seen in working clients, O).
func (s *Server) startDeploy(c *call, a *session) {
	who := s.owner(a)
	if !who.may(ModifyMetadata) {
		c.refuseData(http.StatusForbidden, "INSUFFICIENT_ACCESS", strings.TrimPrefix(insufficientAccess, "INSUFFICIENT_ACCESS: "))
		return
	}
	if c.r.MultipartForm == nil {
		c.refuseData(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content-Type header specified in HTTP request is not supported: "+c.r.Header.Get("Content-Type"))
		return
	}
	var body struct {
		DeployOptions *deployOptions `json:"deployOptions"`
	}
	if err := json.Unmarshal(part(c, "json"), &body); err != nil || body.DeployOptions == nil {
		c.refuseData(http.StatusBadRequest, "JSON_PARSER_ERROR", "The part json must hold an object with deployOptions")
		return
	}
	archive := part(c, "file")
	if len(archive) == 0 {
		c.refuseData(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "The part file with the zip file is missing")
		return
	}
	d := s.enqueue(who, *body.DeployOptions, archive)
	c.writeJSON(http.StatusCreated, map[string]any{"id": d.id, "validatedDeployRequestId": nil, "deployOptions": d.options, "deployResult": s.deployResult(d, false)})
}

// part is the content of a part of the body, with or without a file name, decoded from base64 if its header says so.
func part(c *call, name string) []byte {
	form := c.r.MultipartForm
	if values := form.Value[name]; len(values) > 0 {
		return fromBase64([]byte(values[0]), !strings.HasPrefix(values[0], "PK") && name == "file")
	}
	files := form.File[name]
	if len(files) == 0 {
		return nil
	}
	opened, err := files[0].Open()
	if err != nil {
		return nil
	}
	defer opened.Close()
	content, err := io.ReadAll(opened)
	if err != nil {
		return nil
	}
	return fromBase64(content, strings.EqualFold(files[0].Header.Get("Content-Transfer-Encoding"), "base64"))
}

func fromBase64(content []byte, encoded bool) []byte {
	if !encoded {
		return content
	}
	text := strings.Join(strings.Fields(string(content)), "")
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return content
	}
	return decoded
}

// deploymentOf finds a deployment of the session's org; if there is none it has answered already.
func (s *Server) deploymentOf(c *call, a *session) *deployment {
	id := c.r.PathValue("id")
	s.org.mu.Lock()
	d := s.org.deployments[id18(id)]
	s.org.mu.Unlock()
	if d == nil || d.orgID != id15(s.owner(a).org.ID) {
		c.refuseData(http.StatusNotFound, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
		return nil
	}
	return d
}

func (s *Server) pollDeploy(c *call, a *session) {
	if d := s.deploymentOf(c, a); d != nil {
		details := c.form.Get("includeDetails") == "true"
		c.writeJSON(http.StatusOK, map[string]any{"id": d.id, "validatedDeployRequestId": nil, "deployOptions": nil, "deployResult": s.deployResult(d, details)})
	}
}

// cancelDeploy answers PATCH with {"deployResult":{"status":"Canceling"}}.
func (s *Server) cancelDeploy(c *call, a *session) {
	d := s.deploymentOf(c, a)
	if d == nil {
		return
	}
	var body struct {
		DeployResult struct {
			Status string `json:"status"`
		} `json:"deployResult"`
	}
	if err := json.NewDecoder(c.r.Body).Decode(&body); err != nil || body.DeployResult.Status != "Canceling" {
		c.refuseData(http.StatusBadRequest, "INVALID_OPERATION", "The only status to set is Canceling")
		return
	}
	s.org.mu.Lock()
	if done := d.done; done {
		s.org.mu.Unlock()
		c.refuseData(http.StatusBadRequest, "INVALID_ID_FIELD", "Deploy is already completed")
		return
	}
	d.canceled = true
	s.org.mu.Unlock()
	c.writeJSON(http.StatusAccepted, map[string]any{"id": d.id, "deployOptions": nil, "deployResult": s.deployResult(d, false)})
}

// deployResult is the object of that name [MD DeployResult].
func (s *Server) deployResult(d *deployment, details bool) map[string]any {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	now := s.now()
	status := d.status(now)
	bad := slices.DeleteFunc(slices.Clone(d.problems), func(p problem) bool { return p.warning })
	result := map[string]any{
		"id": d.id, "status": status, "done": d.done, "success": status == "Succeeded", "checkOnly": d.options.CheckOnly,
		"rollbackOnError": d.options.RollbackOnError, "ignoreWarnings": d.options.IgnoreWarnings, "runTestsEnabled": false,
		"numberComponentErrors": len(bad), "numberComponentsDeployed": len(d.successes), "numberComponentsTotal": len(d.successes) + len(bad),
		"numberTestErrors": 0, "numberTestsCompleted": 0, "numberTestsTotal": 0,
		"createdBy": d.who.id(), "createdByName": d.who.name(), "createdDate": wire(d.begun), "startDate": wire(d.begun), "lastModifiedDate": wire(now),
	}
	if status == "Failed" || status == "Canceled" {
		result["numberComponentsDeployed"] = 0
	}
	if d.done {
		result["completedDate"] = wire(d.due)
	}
	if d.message != "" {
		result["errorMessage"], result["errorStatusCode"] = d.message, "INVALID_OPERATION"
	}
	if details {
		result["details"] = d.details()
	}
	return result
}

func (d *deployment) details() map[string]any {
	failures, successes := []any{}, []any{}
	for _, p := range d.problems {
		kind := "Error"
		if p.warning {
			kind = "Warning"
		}
		failures = append(failures, map[string]any{
			"fileName": p.fileName, "fullName": p.name, "componentType": p.kind, "problem": p.text, "problemType": kind,
			"lineNumber": p.line, "columnNumber": min(p.line, 1), "success": false, "changed": false, "created": false, "deleted": false,
			"warning": p.warning, "createdDate": wire(d.due),
		})
	}
	for _, ok := range d.successes {
		successes = append(successes, map[string]any{
			"fileName": ok.fileName, "fullName": ok.name, "componentType": ok.kind, "id": ok.id, "success": true, "changed": true,
			"created": ok.created, "deleted": false, "warning": false, "createdDate": wire(d.due),
		})
	}
	return map[string]any{
		"componentFailures": failures, "componentSuccesses": successes, "allComponentMessages": []any{},
		"runTestResult": map[string]any{"numTestsRun": 0, "numFailures": 0, "totalTime": 0.0, "failures": []any{}, "successes": []any{}},
	}
}
