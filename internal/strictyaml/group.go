package strictyaml

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Keys are the keys of the group that field is, in order; false if it is none.
func (d *Document) Keys(field string) ([]string, bool) {
	var keys []string
	n := d.value(field)
	eachMember(n, func(key string, _ ast.Node) { keys = append(keys, key) })
	_, group := n.(ast.MapNode)
	return keys, group
}

// value is the value of a field, keys with dots between; nil if it is not there.
func (d *Document) value(field string) ast.Node {
	n := d.root
	for key := range strings.SplitSeq(field, ".") {
		var found ast.Node
		eachMember(n, func(k string, value ast.Node) {
			if k == key {
				found = value
			}
		})
		n = found
	}
	return n
}

// Group is what keep takes of the group that field is, as a document whose
// errors have the lines and fields of the whole. Setting its texts changes the
// whole; taking a key out of it does not. Where field is no group, it is empty.
func (d *Document) Group(field string, keep func(key string) bool) *Document {
	at := d.value(field)
	from := token.New("", "", &token.Position{Line: 1, Column: 1})
	if at != nil {
		from = at.GetToken()
	}
	group := ast.Mapping(from, false)
	group.SetPath("$." + field)
	if all, ok := at.(ast.MapNode); ok {
		for i := all.MapRange(); i.Next(); {
			if keep(i.Key().GetToken().Value) {
				group.Values = append(group.Values, i.KeyValue())
			}
		}
	}
	return &Document{name: d.name, data: d.data, root: group, unknown: d.unknown, at: field}
}

// CallUnknown sets what errors say of a key that Decode does not know.
func (d *Document) CallUnknown(text string) { d.unknown = text }

// Take takes a key out of a group, with its text; false if it is not there. What is no
// text is taken out too, with an error.
func (d *Document) Take(key string) (text string, found bool, err error) {
	group, ok := d.root.(*ast.MappingNode)
	if !ok {
		return "", false, nil
	}
	for i, member := range group.Values {
		if member.Key.GetToken().Value != key {
			continue
		}
		group.Values = append(group.Values[:i:i], group.Values[i+1:]...)
		value, ok := member.Value.(*ast.StringNode)
		if !ok {
			return "", true, d.about(member.Value, "must be a text")
		}
		return value.Value, true, nil
	}
	return "", false, nil
}

// Has says whether a group has a key.
func (d *Document) Has(key string) bool {
	found := false
	eachMember(d.root, func(k string, _ ast.Node) { found = found || k == key })
	return found
}

// Put puts a key with a text into a group that has it not.
func (d *Document) Put(key, text string) {
	group, ok := d.root.(*ast.MappingNode)
	if !ok {
		return
	}
	from := *group.Start.Position
	name := ast.String(token.New(key, key, &from))
	value := ast.String(token.New(text, text, &from))
	name.SetPath(group.GetPath() + "." + key)
	value.SetPath(group.GetPath() + "." + key)
	member := ast.MappingValue(token.New(":", ":", &from), name, value)
	member.SetPath(group.GetPath() + "." + key)
	group.Values = append(group.Values, member)
}

// MapTexts replaces each text that is a value by what f makes of it. Each error of
// f gets line and field.
func (d *Document) MapTexts(f func(text string) (string, error)) error {
	var faults []error
	var each func(n ast.Node)
	each = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.StringNode:
			text, err := f(n.Value)
			if n.Value = text; err != nil {
				fault := d.about(n, err.Error())
				fault.covers = []string{fault.field}
				faults = append(faults, fault)
			}
		case *ast.LiteralNode:
			each(n.Value)
		case *ast.SequenceNode:
			for _, value := range n.Values {
				each(value)
			}
		default:
			eachMember(n, func(_ string, value ast.Node) { each(value) })
		}
	}
	each(d.root)
	return Join(faults...)
}

// Digest is of all that a document says, whatever its lines and comments are.
func (d *Document) Digest() [sha256.Size]byte {
	text := ""
	var each func(n ast.Node)
	each = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.StringNode:
			text += fmt.Sprintf("%q,", n.Value)
		case *ast.LiteralNode:
			each(n.Value)
		case *ast.SequenceNode:
			for _, value := range n.Values {
				text += "-"
				each(value)
			}
		case ast.MapNode:
			text += "{"
			for i := n.MapRange(); i.Next(); {
				text += fmt.Sprintf("%q:", i.Key().GetToken().Value)
				each(i.Value())
			}
			text += "}"
		default:
			text += n.GetToken().Value + ","
		}
	}
	each(d.root)
	return sha256.Sum256([]byte(text))
}
