package strictyaml

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// cut takes what stands at a field's path out of a document that is refused
// already, so that the rest can be looked at; an element of a list becomes null, for
// those behind it keep their places. False says that there was nothing to take out.
func (d *Document) cut(path string) bool {
	found := false
	at := "$." + path
	d.each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.MappingNode:
			for i, member := range n.Values {
				if !found && member.Key.GetPath() == at {
					n.Values, found = append(n.Values[:i:i], n.Values[i+1:]...), true
					return
				}
			}
		case *ast.SequenceNode:
			for i, value := range n.Values {
				if !found && value.GetPath() == at && value.Type() != ast.NullType {
					nothing := ast.Null(value.GetToken())
					nothing.SetPath(at)
					n.Values[i], found = nothing, true
					return
				}
			}
		}
	})
	return found
}

// unique refuses a key that a group has twice, and leaves the first.
func (d *Document) unique() []error {
	var faults []error
	d.each(func(n ast.Node) {
		group, ok := n.(*ast.MappingNode)
		if !ok {
			return
		}
		first := map[string]*ast.MappingValueNode{}
		kept := group.Values[:0:0]
		for _, member := range group.Values {
			key := member.Key.GetToken()
			before, twice := first[key.Value]
			if !twice {
				first[key.Value], kept = member, append(kept, member)
				continue
			}
			if len(faults) < maxFaults {
				at := before.Key.GetToken().Position
				// Of no field: the first is read, and more may be said of it.
				faults = append(faults, d.failureAt(key.Position, fmt.Sprintf("mapping key %q already defined at [%d:%d]", key.Value, at.Line, at.Column)))
			}
		}
		group.Values = kept
	})
	return faults
}

// above is the path of the group that a field is in.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }
