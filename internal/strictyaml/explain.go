package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// explain gives an error of the library its line and column, and drops the excerpt of
// the file and whatever may hold a value of it. It suggests a key of v, where that is
// not nil, for one that is unknown.
func (d *Document) explain(err error, v any) error {
	var (
		y       yaml.Error
		typ     *yaml.TypeError
		node    *yaml.UnexpectedNodeTypeError
		unknown *yaml.UnknownFieldError
	)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &y) || y.GetToken() == nil:
		return d.failure(1, "not valid YAML")
	}
	at, text := y.GetToken().Position, y.GetMessage()
	switch {
	case errors.As(err, &typ):
		text = fmt.Sprintf("%s: must be %s", d.field(typ.Token), kind(typ.DstType))
		if is := kind(typ.SrcType); is != kind(typ.DstType) {
			text += ", not " + is
		}
	case errors.As(err, &node):
		text = fmt.Sprintf("%s: must be %s, not %s", d.field(node.Token), nodeKind(node.Expected), nodeKind(node.Actual))
	case errors.As(err, new(*yaml.OverflowError)):
		text = "the number is too large"
	case errors.As(err, &unknown):
		path := d.field(unknown.Token)
		text = path + ": " + d.unknown
		if v != nil {
			text += suggest(d.at, v, path)
		}
	case strings.HasPrefix(text, "mapping key"):
	default:
		text = quoted.ReplaceAllString(text, "...")
	}
	if lines := bytes.Split(d.data, []byte("\n")); at.Line > 0 && at.Line <= len(lines) && bytes.Contains(lines[at.Line-1], []byte(": {{")) {
		text += "; a text that begins with {{ needs quotes"
	}
	return d.failureAt(at, text)
}

// pathOf is the field that an error of the library is about; "" where it is none's.
func (d *Document) pathOf(err error) string {
	var (
		typ     *yaml.TypeError
		node    *yaml.UnexpectedNodeTypeError
		unknown *yaml.UnknownFieldError
	)
	switch {
	case errors.As(err, &typ):
		return d.field(typ.Token)
	case errors.As(err, &node):
		return d.field(node.Token)
	case errors.As(err, &unknown):
		return d.field(unknown.Token)
	}
	return ""
}

// quoted is where the library's messages show the file.
var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// field is the path of the field that a token belongs to.
func (d *Document) field(t *token.Token) string {
	found := "the value"
	d.each(func(n ast.Node) {
		if n.GetToken() == t {
			found = strings.TrimPrefix(n.GetPath(), "$.")
		}
	})
	return found
}

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

func nodeKind(t ast.NodeType) string {
	switch t {
	case ast.MappingType, ast.MappingValueType:
		return "a group of fields"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "empty"
	case ast.IntegerType, ast.FloatType:
		return "a number"
	default:
		return "a text"
	}
}
