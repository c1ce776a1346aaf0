package emulator

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// faultMetadata is what a user without the permission gets (verbatim, O).
var faultMetadata = &soapFault{code: "INSUFFICIENT_ACCESS", message: strings.TrimPrefix(insufficientAccess, "INSUFFICIENT_ACCESS: ")}

func (s *Server) describeMetadata(*soapCall) (any, *soapFault) {
	var objects []any
	for _, kind := range metadataTypes {
		objects = append(objects, tree{
			{"directoryName", kind.dir},
			{"inFolder", false},
			{"metaFile", false},
			{"suffix", kind.suffix},
			{"xmlName", kind.name},
		})
	}
	return tree{{"metadataObjects", objects}, {"organizationNamespace", ""}, {"partialSaveAllowed", true}, {"testRequired", false}}, nil
}

// named are an org's components of a type, by full name.
func (s *Server) named(who *account, kind *metadataType) map[string]*App {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]*App{}
	for _, app := range s.appsIn(&who.org) {
		if name, ok := app.componentName(kind); ok {
			found[name] = app
		}
	}
	return found
}

func (s *Server) listMetadata(c *soapCall) (any, *soapFault) {
	if !c.who.may(ModifyMetadata) {
		return nil, faultMetadata
	}
	list := []any{}
	for _, query := range c.operation.kids {
		kind := metadataTypeNamed(query.value("type"))
		if query.name != "queries" {
			continue
		}
		if kind == nil {
			return nil, &soapFault{code: "INVALID_TYPE", message: fmt.Sprintf("Unknown type:%s", query.value("type"))}
		}
		found := s.named(c.who, kind)
		for _, name := range sortedKeys(found) {
			list = append(list, tree{
				{"createdById", c.who.id()},
				{"createdByName", c.who.name()},
				{"createdDate", lastModified},
				{"fileName", kind.dir + "/" + name + "." + kind.suffix},
				{"fullName", name},
				{"id", found[name].id()},
				{"lastModifiedById", c.who.id()},
				{"lastModifiedByName", c.who.name()},
				{"lastModifiedDate", lastModified},
				{"type", kind.name},
			})
		}
	}
	return list, nil
}

// readMetadata answers a record for each name, in order; one that is not there has no content [MD].
func (s *Server) readMetadata(c *soapCall) (any, *soapFault) {
	if !c.who.may(ModifyMetadata) {
		return nil, faultMetadata
	}
	kind := metadataTypeNamed(c.operation.value("type"))
	if kind == nil || kind.perOrg {
		return nil, &soapFault{code: "INVALID_TYPE", message: fmt.Sprintf("Unknown type:%s", c.operation.value("type"))}
	}
	found := s.named(c.who, kind)
	records := []any{}
	for _, name := range c.operation.values("fullNames") {
		if app := found[name]; app != nil {
			records = append(records, &typedNode{kind: kind.name, node: app.metadata(kind, name)})
		} else {
			records = append(records, nil)
		}
	}
	return tree{{"records", records}}, nil
}

func (s *Server) soapDeploy(c *soapCall) (any, *soapFault) {
	if !c.who.may(ModifyMetadata) {
		return nil, faultMetadata
	}
	archive, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.operation.value("ZipFile")), ""))
	if err != nil {
		return nil, &soapFault{code: "INVALID_OPERATION", message: "ZipFile is not base64"}
	}
	set := func(name string) bool { return c.operation.value("DeployOptions", name) == "true" }
	d := s.enqueue(c.who, deployOptions{
		CheckOnly: set("checkOnly"), RollbackOnError: set("rollbackOnError"), IgnoreWarnings: set("ignoreWarnings"), SinglePackage: set("singlePackage"),
	}, archive)
	return tree{{"done", false}, {"id", d.id}, {"state", "Queued"}}, nil
}

func (s *Server) checkDeployStatus(c *soapCall) (any, *soapFault) {
	s.org.mu.Lock()
	d := s.org.deployments[id18(c.operation.value("asyncProcessId"))]
	s.org.mu.Unlock()
	if d == nil || d.orgID != id15(c.who.org.ID) {
		return nil, &soapFault{code: "INVALID_CROSS_REFERENCE_KEY", message: "invalid cross reference id"}
	}
	return s.deployResult(d, c.operation.value("includeDetails") == "true"), nil
}
