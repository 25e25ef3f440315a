package jsonschema

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Every name has its file and every file its name, and each is a schema that a
// validator takes.
func TestEveryNameIsASchema(t *testing.T) {
	t.Parallel()
	paths, err := fs.Glob(files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, name := range Names() {
		named = append(named, name+".json")
		text, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(name, value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := c.Compile(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	slices.Sort(named)
	if !slices.Equal(named, paths) {
		t.Errorf("the names are %s, the files %s", named, paths)
	}
}

// A name of none is refused with those that there are, whatever path it would be.
func TestNoSuchSchema(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "states", "status.json", "../keys/keys.go", "./status"} {
		_, err := Get(name)
		if err == nil {
			t.Errorf("%q is a schema", name)
			continue
		}
		for _, known := range Names() {
			if !strings.Contains(err.Error(), known) {
				t.Errorf("%q: %v does not name %s", name, err, known)
			}
		}
	}
}
