package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func noEnv(string) string { return "" }

// The demo accounts for every row, and the sandbox's log agrees.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), nil, noEnv, nil, &out, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"10000 rows = ", "demo-nxcloud is finished", "demo-innopaas is finished", "row,phone,state,message_id", "What to try next"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "it agrees with the ledger"); n != 2 {
		t.Errorf("%d campaigns agree:\n%s", n, out.String())
	}
	if !regexp.MustCompile(`(?m)^  \d+ of them were in doubt until a receipt proved`).MatchString(out.String()) {
		t.Errorf("no doubt was resolved by a receipt:\n%s", out.String())
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "`make demo` ends with")
	_, shown, _ = strings.Cut(shown, "\n\n")
	shown, _, _ = strings.Cut(shown, "\n\n")
	lines := strings.Split(shown, "\n")
	if len(lines) != 3 {
		t.Errorf("the README shows %q", lines)
	}
	for _, line := range lines {
		if !strings.Contains(out.String(), strings.TrimPrefix(line, "    ")+"\n") {
			t.Errorf("the README shows %q, and the demo prints\n%s", line, out.String())
		}
	}
}

func TestDemoWithOwnList(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "my.csv")
	if err := os.WriteFile(list, []byte("Name;Mobile\nAna;+5511987654321\nBia;x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{list}, noEnv, nil, &out, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "2 rows = 1 accepted + 0 rejected + 0 in doubt + 1 invalid") {
		t.Error(out.String())
	}
}

func TestDemoRefusesRealProviders(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--senders", "senders.yaml"}, noEnv, nil, &out, &out); !errors.Is(err, errReal) {
		t.Error(err)
	}
	if err := run(t.Context(), nil, func(string) string { return "x" }, nil, &out, &out); !errors.Is(err, errReal) {
		t.Error(err)
	}
}
