package emulator

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// component is one file of a deployment.
type component struct {
	kind           *metadataType
	name, fileName string
	tree           *node
}

// app is the API name of the app that the component belongs to.
func (c *component) app() string {
	if c.kind.ofApp {
		return c.tree.value("externalClientApplication")
	}
	return c.name
}

// problem is a componentFailure. Lines and columns are 0 where the whole file is meant.
type problem struct {
	kind, fileName, name, text string
	line                       int
	warning                    bool
}

func (c *component) problem(line int, format string, args ...any) problem {
	return problem{kind: c.kind.name, fileName: c.fileName, name: c.name, text: fmt.Sprintf(format, args...), line: line}
}

// componentsOf reads a package: what package.xml lists, from the files that are there. Both suffix forms are taken: with
// "-meta.xml", as a project's sources have it, and without (O: both seen).
func componentsOf(files zipped) ([]*component, []problem) {
	manifest, ok := files["package.xml"]
	if !ok {
		return nil, []problem{{fileName: "package.xml", name: "package.xml", text: "No package.xml found"}}
	}
	root, err := parseXML(bytes.NewReader(manifest))
	if err != nil || root.name != "Package" {
		return nil, []problem{{fileName: "package.xml", name: "package.xml", text: "Error parsing file: " + parseText(err)}}
	}
	var found []*component
	var problems []problem
	listed := map[string]bool{}
	for _, types := range root.kids {
		if types.name != "types" {
			continue
		}
		kind := metadataTypeNamed(types.value("name"))
		if kind == nil {
			problems = append(problems, problem{fileName: "package.xml", name: types.value("name"), line: types.line, text: fmt.Sprintf("Unknown type name '%s' specified in package.xml", types.value("name"))})
			continue
		}
		for _, member := range types.values("members") {
			listed[kind.name+"/"+member] = true
		}
	}
	for _, fileName := range sortedNames(files) {
		kind, name := kindOfFile(fileName)
		if kind == nil {
			continue
		}
		c := &component{kind: kind, name: name, fileName: fileName}
		if !listed[kind.name+"/"+name] && !listed[kind.name+"/*"] {
			warning := c.problem(0, "An object '%s' of type %s was found in the zip file, but is not listed in package.xml", name, kind.name)
			warning.warning = true
			problems = append(problems, warning)
			continue
		}
		delete(listed, kind.name+"/"+name)
		if c.tree, err = parseXML(bytes.NewReader(files[fileName])); err != nil {
			problems = append(problems, c.problem(1, "Error parsing file: %s", parseText(err)))
			continue
		}
		found = append(found, c)
	}
	for _, missing := range sortedKeys(listed) {
		kind, name, _ := strings.Cut(missing, "/")
		if name != "*" {
			problems = append(problems, problem{fileName: "package.xml", name: name, text: fmt.Sprintf("An object '%s' of type %s was named in package.xml, but was not found in zipped directory", name, kind)})
		}
	}
	return found, problems
}

func parseText(err error) string {
	if err == nil {
		return "the root element is not Package"
	}
	return err.Error()
}

func kindOfFile(fileName string) (*metadataType, string) {
	dir, file := path.Split(strings.TrimPrefix(fileName, "unpackaged/"))
	name, suffix, _ := strings.Cut(strings.TrimSuffix(file, "-meta.xml"), ".")
	for _, kind := range metadataTypes {
		if kind.dir+"/" == dir && kind.suffix == suffix {
			return kind, name
		}
	}
	return nil, ""
}

// check looks at one file by itself: its root, its elements, their values.
func (c *component) check() []problem {
	fields, root := c.kind.fields, c.kind.name
	if c.kind.perOrg {
		fields, root = settings[c.name], c.name+"Settings"
		if fields == nil {
			return []problem{c.problem(0, "Entity of type 'Settings' named '%s' cannot be found", c.name)}
		}
	}
	if c.tree.name != root {
		return []problem{c.problem(c.tree.line, "Error parsing file: Element %s invalid at this location in type %s", c.tree.name, root)}
	}
	var found []problem
	for _, kid := range c.tree.kids {
		i := slices.IndexFunc(fields, func(f metadataField) bool { return f.name == kid.name })
		switch {
		case kid.name == "fullName":
		case i < 0:
			found = append(found, c.problem(kid.line, "Error parsing file: Element {%s}%s invalid at this location in type %s", metadataSpace, kid.name, root))
		case !fields[i].takes(kid.text):
			found = append(found, c.problem(kid.line, "Error parsing file: '%s' is not a valid value for the enum or type of %s", kid.text, kid.name))
		}
	}
	for _, field := range fields {
		if field.required && c.tree.value(field.name) == "" {
			found = append(found, c.problem(c.tree.line, "Required field is missing: %s", field.name))
		}
	}
	if app := c.app(); c.kind.ofApp && c.kind.namedAsApp && app != "" && app != c.name && app+"_oauth" != c.name {
		found = append(found, c.problem(c.tree.line, "INVALID_CROSS_REFERENCE_KEY: externalClientApplication %s does not match %s", app, c.name))
	}
	return append(found, c.checkScopes()...)
}

func (f *metadataField) takes(value string) bool {
	switch f.kind {
	case "boolean":
		return value == "true" || value == "false"
	case "int":
		_, err := strconv.Atoi(value)
		return err == nil
	case "enum":
		return slices.Contains(f.words, value)
	}
	return true
}

// checkScopes refuses a scope's wire name, which many try: metadata has names of its own.
func (c *component) checkScopes() []problem {
	var names []string
	switch c.kind.name {
	case "ExtlClntAppOauthSettings":
		names = commaSeparated(c.tree.value("commaSeparatedOauthScopes"))
	case "ConnectedApp":
		if config := c.tree.child("oauthConfig"); config != nil {
			names = config.values("scopes")
		}
	}
	var found []problem
	for _, name := range names {
		if _, ok := scopeOf(name, c.kind.name == "ConnectedApp"); !ok {
			found = append(found, c.problem(c.tree.line, "Invalid OAuth scope: %s. Valid values are: %s", name, scopeList()))
		}
	}
	return found
}

func commaSeparated(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}
