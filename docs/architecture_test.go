package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEachRoomIsDescribed holds docs/architecture.md to the tree: each package has
// its sentence there, and none is named that is not there.
func TestEachRoomIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("../internal/*/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob("../cmd/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for _, f := range append(files, below...) {
		rooms[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(f)), "../internal/")] = true
	}
	for _, f := range programs {
		rooms[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(f)), "../")] = true
	}
	if len(rooms) < 20 {
		t.Fatalf("found %d rooms: the test does not look where they are", len(rooms))
	}
	for room := range rooms {
		if !strings.Contains(string(text), "**"+room+"**") {
			t.Errorf("docs/architecture.md has no sentence for %s", room)
		}
	}
	for _, piece := range strings.Split(string(text), "**")[1:] {
		name, _, _ := strings.Cut(piece, "\n")
		if name != piece || strings.ContainsAny(name, " ,:.") || name == "" {
			continue // what stands between two names
		}
		if !rooms[name] {
			t.Errorf("docs/architecture.md names %s, which is no room", name)
		}
	}
}
