// Package strictyaml reads one YAML document as it is written: what the library
// would take for something else, an unknown key, and what would cost its parser
// more than a file is worth is refused, by an error that has file, line and
// field and shows no value.
package strictyaml

import (
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A Document is a file that was read, or a part of one.
type Document struct {
	name string
	data []byte
	root ast.Node
	// unknown is what errors say of a key that is not there for Decode.
	unknown string
	at      string  // the path of root in the file; "" for the whole
	faults  []error // which Parse found, for Decode to tell
}

// Parse reads a file of one document; name is what errors call the file. What is wrong
// with single values of it is Decode's to tell, with all else.
func Parse(data []byte, name string) (*Document, error) {
	d := &Document{name: name, data: data, unknown: "unknown key"}
	if line, err := bounded(data); err != nil {
		return nil, d.failure(line, err.Error())
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	switch {
	case err != nil:
		return nil, d.explain(err, nil)
	case len(file.Docs) != 1:
		return nil, d.failure(1, "it holds several documents; only one is read, so leave --- out")
	case file.Docs[0].Body == nil:
		return nil, d.failure(1, "it is empty")
	}
	d.root = file.Docs[0].Body
	d.faults = append(d.unique(), d.plain()...)
	return d, nil
}

// maxFaults is how many faults of one file are told.
const maxFaults = 50

// Decode fills the struct that v points to, and refuses keys that it does not
// have: its error has all of them and whatever else is wrong, and v then has what is
// right. What is no time with a unit is -1, for the caller to refuse.
func (d *Document) Decode(v any) error {
	faults := append(d.faults, d.whole(v)...)
	err := d.decode(v)
	if err == nil {
		return Join(faults...)
	}
	for range maxFaults {
		fault := d.explain(err, v)
		faults = append(faults, fault)
		// The library stops at the first: without it, there may be another.
		if !d.cut(fault.field) {
			fault.covers = append(fault.covers, d.at)
			break
		}
		fresh := reflect.New(reflect.TypeOf(v).Elem())
		err = d.decode(fresh.Interface())
		if err == nil {
			reflect.ValueOf(v).Elem().Set(fresh.Elem())
			break
		}
	}
	return Join(faults...)
}

func (d *Document) decode(v any) error {
	duration := yaml.CustomUnmarshaler(func(into *time.Duration, text []byte) error {
		var err error
		if *into, err = time.ParseDuration(strings.Trim(string(text), "\"' \n")); err != nil {
			*into = -1
		}
		return nil
	})
	return yaml.NewDecoder(strings.NewReader(""), yaml.Strict(), duration).DecodeFromNode(d.root, v)
}

// At is an error about a field, with its line, or that of the closest field
// above it if it is not there. It is none where the field could not be read, once
// Join has it together with the error that says so.
func (d *Document) At(field, text string) error { return d.locate(field, text) }

// Instead is At for a field that could not be used, with those that it stands for.
func (d *Document) Instead(field, text string, of ...string) error {
	fault := d.locate(field, text)
	fault.covers = append(of, field)
	return fault
}

func (d *Document) locate(field, text string) *Fault {
	fault := d.failure(1, field+": "+text)
	for path := field; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		if key := d.keyOf(path); key != nil && path != field {
			fault = d.failureAt(key, field+": "+text)
			break
		}
		if n := d.node(path); n != nil {
			fault = d.failureAt(n.GetToken().Position, field+": "+text)
			break
		}
	}
	fault.field = field
	return fault
}

// Text is a field's scalar as it is written, without quotes; false if the field
// is not there, is null or is no scalar.
func (d *Document) Text(field string) (string, bool) {
	n, ok := d.node(field).(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType {
		return "", false
	}
	return n.GetToken().Value, true
}

// keyOf is where the key of a field stands; nil if it is not there.
func (d *Document) keyOf(path string) (at *token.Position) {
	d.each(func(n ast.Node) {
		if m, ok := n.(*ast.MappingValueNode); ok && at == nil && m.Key.GetPath() == "$."+path {
			at = m.Key.GetToken().Position
		}
	})
	return at
}

// node is the last node of a field, which is its value; nil if it is not there.
func (d *Document) node(field string) ast.Node {
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

// each calls f with every node.
func (d *Document) each(f func(ast.Node)) { ast.Walk(visitor(f), d.root) }

type visitor func(ast.Node)

// Visit calls the function and goes on.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

func (d *Document) failure(line int, text string) *Fault {
	return &Fault{Name: d.name, Line: line, Text: text}
}

func (d *Document) failureAt(p *token.Position, text string) *Fault {
	return &Fault{Name: d.name, Line: p.Line, Column: p.Column, Text: text}
}
