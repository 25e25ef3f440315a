package campaign

import (
	"os"
	"regexp"
	"testing"
)

// The table of moves and the drawing of it say the same.
func TestStatesAsDrawn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]string]State{}
	for _, m := range regexp.MustCompile(`(?m)^    (\w+) --> (\w+): (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		drawn[[2]string{m[1], m[3]}] = State(m[2])
	}
	n := 0
	for _, from := range States {
		for move := range rules() {
			to, ok := Allowed(from, move)
			want, isDrawn := drawn[[2]string{string(from), string(move)}]
			if ok != isDrawn || ok && to != want {
				t.Errorf("%s from %s: the table says %v to %s, the drawing %v to %s", move, from, ok, to, isDrawn, want)
			}
			if ok {
				n++
			}
		}
	}
	if n != len(drawn) {
		t.Errorf("%d moves in the table, %d drawn", n, len(drawn))
	}
}
