package emulator

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an XML element without its namespaces.
type node struct {
	name, space string
	text        string // without the white space around it
	kids        []*node
	line        int
}

const (
	maxNodes    = 20_000
	maxXMLDepth = 40
)

// parseXML reads one document. A document type is refused: no entity is ever expanded.
func parseXML(r io.Reader) (*node, error) {
	decoder := xml.NewDecoder(r)
	decoder.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("encoding %q is not supported", charset)
	}
	root := &node{}
	open, count := []*node{root}, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		last := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			line, _ := decoder.InputPos()
			if count++; count > maxNodes || len(open) > maxXMLDepth {
				return nil, errors.New("too many elements")
			}
			n := &node{name: token.Name.Local, space: token.Name.Space, line: line}
			last.kids = append(last.kids, n)
			open = append(open, n)
		case xml.EndElement:
			last.text = strings.TrimSpace(last.text)
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(token)
		case xml.Directive:
			return nil, errors.New("a document type is not allowed")
		}
	}
	if len(root.kids) != 1 {
		return nil, errors.New("there is not one root element")
	}
	return root.kids[0], nil
}

// child returns the first child of that name, nil without one. It may be called on nil.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, kid := range n.kids {
		if kid.name == name {
			return kid
		}
	}
	return nil
}

// value is the text of a child.
func (n *node) value(path ...string) string {
	for _, name := range path {
		n = n.child(name)
	}
	if n == nil {
		return ""
	}
	return n.text
}

func (n *node) values(name string) []string {
	var out []string
	for _, kid := range n.kids {
		if kid.name == name {
			out = append(out, kid.text)
		}
	}
	return out
}

// add appends children from names and values; an empty value is left out.
func (n *node) add(pairs ...string) *node {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			n.kids = append(n.kids, &node{name: pairs[i], text: pairs[i+1]})
		}
	}
	return n
}

// write renders the element, without a namespace of its own.
func (n *node) write(out *bytes.Buffer, attributes string) {
	out.WriteString("<" + n.name + attributes + ">")
	_ = xml.EscapeText(out, []byte(n.text)) // a bytes.Buffer takes everything
	for _, kid := range n.kids {
		kid.write(out, "")
	}
	out.WriteString("</" + n.name + ">")
}
