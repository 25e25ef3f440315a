// Package jsonschema has the JSON Schemas of what the programs print and read.
// They are files beside it; tests hold them to the programs, both ways: what is
// printed and read is valid, and no field is described that there is not.
package jsonschema

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.json
var files embed.FS

// Names are the schemas that there are.
func Names() []string { return []string{"status", "plan", "export", "campaign", "senders", "doctor"} }

// Get is the schema of a name.
func Get(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no schema %q; there are %s", name, strings.Join(Names(), ", "))
	}
	text, err := files.ReadFile(name + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", name, err)
	}
	return text, nil
}
