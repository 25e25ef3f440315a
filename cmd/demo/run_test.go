package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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
