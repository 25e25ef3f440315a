package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A document is a YAML file whose lines errors can name. No error of it holds a
// value of the file, for there are secrets among them.
type document struct {
	root ast.Node
}

// parseDocument reads a file of one document, and refuses what the decoder would
// silently read as something else than is written. Whole are the names of the
// fields that hold whole numbers.
func parseDocument(data []byte, whole ...string) (document, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return document{}, plainError(err)
	}
	if len(file.Docs) != 1 {
		return document{}, errors.New("1: it holds several documents; only one is read, so leave --- out")
	}
	d := document{root: file.Docs[0].Body}
	if d.root == nil {
		return document{}, errors.New("1: it is empty")
	}
	v := &plainness{whole: whole}
	ast.Walk(v, d.root)
	return d, v.err
}

// decode fills v, and refuses keys that it does not have. What is no time with a
// unit is -1, for the library's error has no line.
func (d document) decode(v any) error {
	duration := yaml.CustomUnmarshaler(func(into *time.Duration, text []byte) error {
		var err error
		if *into, err = time.ParseDuration(strings.Trim(string(text), "\"' \n")); err != nil {
			*into = -1
		}
		return nil
	})
	err := yaml.NewDecoder(strings.NewReader(""), yaml.Strict(), duration).DecodeFromNode(d.root, v)
	var typ *yaml.TypeError
	if errors.As(err, &typ) && typ.Token != nil {
		return fmt.Errorf("%d: %s must be %s", typ.Token.Position.Line, d.field(typ), wanted(typ.DstType))
	}
	return plainError(err)
}

// field is the path of the field that a type error is about.
func (d document) field(typ *yaml.TypeError) string {
	found := "the value"
	ast.Walk(visit(func(n ast.Node) {
		if n.GetToken() == typ.Token {
			found = strings.TrimPrefix(n.GetPath(), "$.")
		}
	}), d.root)
	return found
}

func wanted(t reflect.Type) string {
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

// at is an error about a field, with its line, or that of the closest field
// above it if it is not there.
func (d document) at(field, text string) error {
	for path := field; path != ""; path = path[:max(strings.LastIndexByte(path, '.'), 0)] {
		line := 0
		ast.Walk(visit(func(n ast.Node) {
			if line == 0 && n.GetPath() == "$."+path && n.GetToken() != nil {
				line = n.GetToken().Position.Line
			}
		}), d.root)
		if line > 0 {
			return fmt.Errorf("%d: %s: %s", line, field, text)
		}
	}
	return fmt.Errorf("1: %s: %s", field, text)
}

// plainError keeps the line of an error and drops the excerpt of the file, and
// whatever may hold a value.
func plainError(err error) error {
	var y yaml.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &y) || y.GetToken() == nil:
		return errors.New("1: not valid YAML")
	}
	line := y.GetToken().Position.Line
	var (
		overflow *yaml.OverflowError
		unknown  *yaml.UnknownFieldError
		text     = y.GetMessage()
	)
	switch {
	case errors.As(err, &overflow):
		text = "the number is too large"
	case errors.As(err, &unknown), strings.HasPrefix(text, "mapping key"):
	default:
		text = quoted.ReplaceAllString(text, "...")
	}
	return fmt.Errorf("%d: %s", line, text)
}

// quoted is where the library's messages show the file.
var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

type visit func(ast.Node)

// Visit calls the function and goes on.
func (v visit) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// plainness refuses scalars that mean something else than they look like: 0123
// is octal, 1.10 loses its zero where a text is meant, and a secret that begins
// with &, * or ! is none to YAML.
type plainness struct {
	whole []string
	err   error
}

// Visit looks at one node.
func (p *plainness) Visit(n ast.Node) ast.Visitor {
	if p.err != nil || n.GetToken() == nil {
		return nil
	}
	var read string
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		p.refuse(n, "a text that begins with &, * or ! needs quotes; anchors, aliases and tags are not read here")
		return nil
	case *ast.IntegerNode:
		read = fmt.Sprint(n.Value)
	case *ast.FloatNode:
		path := n.GetPath()
		if slices.Contains(p.whole, path[strings.LastIndexByte(path, '.')+1:]) {
			p.refuse(n, "must be a whole number")
		}
		read = strconv.FormatFloat(n.Value, 'f', -1, 64)
	case *ast.BoolNode:
		read = strconv.FormatBool(n.Value)
	case *ast.InfinityNode, *ast.NanNode:
		read = "no number"
	default:
		return p
	}
	if read != n.GetToken().Value {
		p.refuse(n, "would not be read as it is written; put a text in quotes, and write a number plainly, such as 20 or 0.5")
	}
	return p
}

func (p *plainness) refuse(n ast.Node, text string) {
	if p.err == nil {
		p.err = fmt.Errorf("%d: %s: %s", n.GetToken().Position.Line, strings.TrimPrefix(n.GetPath(), "$."), text)
	}
}
