package program

import (
	"errors"
	"strings"
	"testing"
)

// What a command line comes to: a command, an answer that ends it, or wrong usage that
// names its help.
func TestParse(t *testing.T) {
	t.Parallel()
	type flags struct {
		N   int      `help:"How many."`
		Run struct{} `cmd:"" default:"1"`
		Ask struct{} `cmd:""`
	}
	for _, tt := range []struct {
		args          string
		command, says string // says is on standard output
		over, wrong   bool
	}{
		{args: "", command: "run"},
		{args: "ask --n 3", command: "ask"},
		{args: "--help", says: "It counts.", over: true},
		{args: "--n x", wrong: true},
		{args: "--none", wrong: true},
		{args: "ask anew", wrong: true},
	} {
		var f flags
		var out, faults strings.Builder
		command, over, err := Parse("counter", "It counts.", &f, strings.Fields(tt.args), &out, &faults)
		usage := (*UsageError)(nil)
		if command != tt.command || over != tt.over || errors.As(err, &usage) != tt.wrong || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%q: %q %t %v\n%s%s", tt.args, command, over, err, out.String(), faults.String())
		}
		if tt.wrong && !strings.HasSuffix(err.Error(), "; see counter --help") {
			t.Errorf("%q: %v", tt.args, err)
		}
		if tt.command == "ask" && f.N != 3 {
			t.Errorf("%+v", f)
		}
	}
}
