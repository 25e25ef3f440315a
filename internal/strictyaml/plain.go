package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// plain refuses scalars that mean something else than they look like: 0123 is
// octal, 1.10 loses its zero where a text is meant, and a text that begins with
// &, * or ! is none to YAML.
func (d *Document) plain() []error {
	return d.refuseAll(func(refuse func(ast.Node, string)) {
		d.each(func(n ast.Node) {
			if n.GetToken() == nil {
				return
			}
			if text := unplain(n); text != "" {
				refuse(n, text)
			}
		})
	})
}

// refuseAll takes all nodes out that look refuses, with why.
func (d *Document) refuseAll(look func(refuse func(n ast.Node, why string))) []error {
	var faults []*Fault
	look(func(n ast.Node, why string) {
		if len(faults) < maxFaults {
			faults = append(faults, d.about(n, why))
		}
	})
	out := make([]error, len(faults))
	for i, fault := range faults {
		d.cut(fault.field)
		fault.covers = []string{fault.field}
		out[i] = fault
	}
	return out
}

func unplain(n ast.Node) string {
	read := ""
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return "a text that begins with &, * or ! needs quotes; anchors, aliases and tags are not read here"
	case *ast.IntegerNode:
		read = fmt.Sprint(n.Value)
	case *ast.FloatNode:
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

// whole refuses a fraction where v has a whole number, for the library cuts it
// off in silence.
func (d *Document) whole(v any) []error {
	return d.refuseAll(func(refuse func(ast.Node, string)) {
		eachWhole(d.root, reflect.TypeOf(v), func(n ast.Node) { refuse(n, "must be a whole number") })
	})
}

// eachWhole calls f with each fraction that stands where t has a whole number.
func eachWhole(n ast.Node, t reflect.Type, f func(ast.Node)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		fields := map[string]reflect.Type{}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			fields[name] = t.Field(i).Type
		}
		eachMember(n, func(key string, value ast.Node) {
			if of, found := fields[key]; found {
				eachWhole(value, of, f)
			}
		})
	case reflect.Map:
		eachMember(n, func(_ string, value ast.Node) { eachWhole(value, t.Elem(), f) })
	case reflect.Slice:
		if list, ok := n.(*ast.SequenceNode); ok {
			for _, value := range list.Values {
				eachWhole(value, t.Elem(), f)
			}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if _, fraction := n.(*ast.FloatNode); fraction {
			f(n)
		}
	default:
	}
}

func eachMember(n ast.Node, f func(key string, value ast.Node)) {
	group, ok := n.(ast.MapNode)
	if !ok {
		return
	}
	for i := group.MapRange(); i.Next(); {
		f(i.Key().GetToken().Value, i.Value())
	}
}

func (d *Document) about(n ast.Node, text string) *Fault {
	field := strings.TrimPrefix(n.GetPath(), "$.")
	fault := d.failureAt(n.GetToken().Position, field+": "+text)
	fault.field = field
	return fault
}
