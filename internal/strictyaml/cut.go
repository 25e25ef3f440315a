package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// cut takes what stands at a field's path out of a document that is refused
// already, so that the rest can be looked at. False says that there was nothing to
// take out.
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
				if !found && value.GetPath() == at {
					n.Values, found = append(n.Values[:i:i], n.Values[i+1:]...), true
					return
				}
			}
		}
	})
	return found
}

// above is the path of the group that a field is in.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }
