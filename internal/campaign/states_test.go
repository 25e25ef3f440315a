package campaign

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edges are the moves that the table allows, as "from --> to: move".
func edges() []string {
	var all []string
	for _, from := range States {
		for _, m := range Moves {
			if to, ok := Allowed(from, m); ok {
				all = append(all, string(from)+" --> "+string(to)+": "+string(m))
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestTheDiagramIsTheTable(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```mermaid\n")
	diagram, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/states.md has no diagram")
	}
	edge := regexp.MustCompile(`^\w+ --> \w+: \w+$`)
	var drawn []string
	for line := range strings.Lines(diagram) {
		switch line = strings.TrimSpace(line); {
		case line == "stateDiagram-v2", line == "[*] --> "+string(Importing), line == "[*] --> "+string(Draft):
		case edge.MatchString(line):
			drawn = append(drawn, line)
		default:
			t.Errorf("a line that is no edge: %q", line)
		}
	}
	slices.Sort(drawn)
	if diff := cmp.Diff(edges(), drawn); diff != "" {
		t.Errorf("the table (-) and the diagram (+) differ:\n%s", diff)
	}
}

// What design and operators rely on, said apart from the table.
func TestTheTable(t *testing.T) {
	t.Parallel()
	if len(Moves) != len(rules()) {
		t.Errorf("%d moves, %d rules", len(Moves), len(rules()))
	}
	for _, s := range States {
		if _, ok := Allowed(s, MoveCancel); ok == s.Over() {
			t.Errorf("%s: cancelling is %v", s, ok)
		}
		for _, m := range Moves {
			to, ok := Allowed(s, m)
			if ok && to == s {
				t.Errorf("%s leads from %s to itself", m, s)
			}
			if s == Cancelled && ok {
				t.Errorf("%s brings a cancelled campaign back", m)
			}
			if ok && to == Running && s == Importing {
				t.Errorf("%s sends before the import is complete", m)
			}
		}
	}
	if _, ok := Allowed(Running, Move("stop")); ok {
		t.Error("an unknown move is allowed")
	}
}
