package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/program"
	"sluice/internal/program/programtest"
)

func noEnv(string) string { return "" }

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(bad, []byte("faults: [{every: 1, colour: red}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, says string }{
		{"--colour red", "--colour"},
		{"--latency soon", "--latency"},
		{"--script nowhere.yaml", "--script"},
		{"--script " + bad, "colour"},
	} {
		var out strings.Builder
		err := run(t.Context(), strings.Fields(tt.args), noEnv, nil, &out, &out)
		var usage *program.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
	if err := run(t.Context(), []string{"--addr", "nowhere"}, noEnv, nil, &strings.Builder{}, nil); err == nil || !strings.Contains(err.Error(), "--addr") {
		t.Error(err)
	}
}

func TestPrintSenders(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{"--print-senders --addr 127.0.0.1:8099": "base_url: http://127.0.0.1:8099", "--help": "--print-senders"} {
		var out strings.Builder
		if err := run(t.Context(), strings.Fields(args), noEnv, nil, &out, &out); err != nil || !strings.Contains(out.String(), says) {
			t.Errorf("%s: %v, %s", args, err, out.String())
		}
	}
}

// It serves until it is told to stop, and then says what arrived.
func TestServe(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log.ndjson")
	p := programtest.Start(t, run, "--addr", "127.0.0.1:0", "--log", log)
	addr := p.Await(t, "listening")
	if status, body := programtest.Get(t, "http://"+addr+"/_sandbox/report"); status != 200 || !json.Valid([]byte(body)) {
		t.Errorf("%d %s", status, body)
	}
	last, err := p.Stop(t)
	if err != nil || !json.Valid([]byte(last)) {
		t.Errorf("%v: %s", err, last)
	}
	if _, err := os.Stat(log); err != nil {
		t.Error(err)
	}
}
