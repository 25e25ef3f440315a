package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A document is a YAML file whose lines errors can name. No error of it holds a
// text of the message.
type document struct {
	name string
	data []byte
	root ast.Node
}

// whole are the fields that hold whole numbers: the decoder would cut others.
var whole = []string{"max_attempts", "index"}

// parseDocument reads a file of one document, and refuses what the decoder would
// silently read as something else than is written.
func parseDocument(data []byte, name string) (*document, error) {
	d := &document{name: name, data: data}
	file, err := parser.ParseBytes(data, 0)
	switch {
	case err != nil:
		return nil, d.explain(err)
	case len(file.Docs) != 1:
		return nil, fmt.Errorf("%s:1: it holds several documents; a campaign is one, so leave --- out", name)
	case file.Docs[0].Body == nil:
		return nil, fmt.Errorf("%s:1: it is empty", name)
	}
	d.root = file.Docs[0].Body
	var first error
	d.each(func(n ast.Node) {
		if text := unplain(n); text != "" && first == nil {
			first = d.failure(n.GetToken().Position.Line, strings.TrimPrefix(n.GetPath(), "$."), text)
		}
	})
	return d, first
}

// unplain says what is wrong with a scalar that means something else than it
// looks like: 0123 is octal, 1.10 loses its zero where a text is meant.
func unplain(n ast.Node) string {
	read := ""
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return "a text that begins with &, * or ! needs quotes; anchors, aliases and tags are not read here"
	case *ast.IntegerNode:
		read = fmt.Sprint(n.Value)
	case *ast.FloatNode:
		if path := n.GetPath(); slices.Contains(whole, path[strings.LastIndexByte(path, '.')+1:]) {
			return "must be a whole number"
		}
		read = strconv.FormatFloat(n.Value, 'f', -1, 64)
	case *ast.BoolNode:
		read = strconv.FormatBool(n.Value)
	case *ast.InfinityNode, *ast.NanNode:
	default:
		return ""
	}
	if read == n.GetToken().Value {
		return ""
	}
	return "would not be read as it is written; put a text in quotes, and write a number plainly, such as 20 or 0.5"
}

// decode fills v, and refuses keys that it does not have.
func (d *document) decode(v any) error {
	return d.explain(yaml.NewDecoder(strings.NewReader(""), yaml.Strict()).DecodeFromNode(d.root, v))
}

// at is an error about a field, with its line, or that of the closest field
// above it if it is not there.
func (d *document) at(field, text string) error {
	for path := field; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		if n := d.node(path); n != nil {
			return d.failure(n.GetToken().Position.Line, field, text)
		}
	}
	return d.failure(1, field, text)
}

// node is the last node of a field, which is its value; nil if it is not there.
func (d *document) node(field string) ast.Node {
	var first, last ast.Node
	d.each(func(n ast.Node) {
		if n.GetPath() == "$."+field && n.GetToken() != nil {
			if last = n; first == nil {
				first = n
			}
		}
	})
	if _, scalar := last.(ast.ScalarNode); scalar || last == nil {
		return last
	}
	return first
}

func (d *document) failure(line int, field, text string) error {
	return fmt.Errorf("%s:%d: %s: %s", d.name, line, field, text)
}

// explain gives an error of the library its line, and drops the excerpt of the
// file and whatever may hold a text of it.
func (d *document) explain(err error) error {
	var (
		y       yaml.Error
		typ     *yaml.TypeError
		unknown *yaml.UnknownFieldError
	)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &y) || y.GetToken() == nil:
		return fmt.Errorf("%s:1: not valid YAML", d.name)
	}
	line, text := y.GetToken().Position.Line, y.GetMessage()
	switch {
	case errors.As(err, &typ):
		text = fmt.Sprintf("%s where %s belongs", kind(typ.SrcType), kind(typ.DstType))
	case errors.As(err, new(*yaml.OverflowError)):
		text = "the number is too large"
	case errors.As(err, &unknown), strings.HasPrefix(text, "mapping key"):
	default:
		text = quoted.ReplaceAllString(text, "...")
	}
	if lines := bytes.Split(d.data, []byte("\n")); line > 0 && line <= len(lines) && bytes.Contains(lines[line-1], []byte(": {{")) {
		text += "; a text that begins with {{ needs quotes"
	}
	return fmt.Errorf("%s:%d: %s", d.name, line, text)
}

// quoted is where the library's messages show the file.
var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "a group of fields"
	case reflect.Slice:
		return "a list"
	}
	return "a number"
}

// each calls f with every node.
func (d *document) each(f func(ast.Node)) { ast.Walk(visitor(f), d.root) }

type visitor func(ast.Node)

// Visit calls the function and goes on.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}
