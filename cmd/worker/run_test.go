package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"sluice/internal/config"
	"sluice/internal/program"
	"sluice/internal/program/programtest"
	"sluice/internal/redistest"
)

func noEnv(string) string { return "" }

const senders = `senders:
  nx: {provider: nxcloud, tenant_id: 1, appkey: a, business_phone: "8615800001795", access_key: k, access_secret: s}
`

func sendersFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "senders.yaml")
	if err := os.WriteFile(path, []byte(senders), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	file, rdb := sendersFile(t), redistest.New(t)
	for _, tt := range []struct{ args, says string }{
		{"--colour red", "--colour"},
		{"--senders nowhere.yaml", "nowhere.yaml"},
		{"--senders " + file + " --redis-url http://x", "--redis-url"},
		{"--senders " + file + " --log-level loud", "--log-level"},
		{"--senders " + file + " --redis-url " + rdb.URL() + " --queue-prefix {x}", "--queue-prefix"},
	} {
		var out strings.Builder
		err := run(t.Context(), strings.Fields(tt.args), noEnv, nil, &out, &out)
		var usage *program.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
	for _, flag := range []string{"--help", "--version"} {
		if err := run(t.Context(), []string{flag}, noEnv, nil, &strings.Builder{}, nil); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// The log begins with who this is and what it goes by, without a password.
func TestFirstLine(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	nx := config.Sender{Name: "nx", Provider: "nxcloud", Limits: config.Limits{MessagesPerSecond: 80, InFlight: 64}}
	announce(zerolog.New(&out), "redis://user:secret@host:6379/0", &openSenders{all: config.Senders{"nx": nx}})
	for _, want := range []string{`"version":"`, `"redis":"host:6379/0"`, `"senders":{"nx":{"provider":"nxcloud","messages_per_second":80,`, `"in_flight":64`} {
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "secret") {
			t.Errorf("without %s: %s", want, out.String())
		}
	}
}

// Help has the defaults, and the environment's names.
func TestHelpHasDefaults(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, noEnv, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"(default 1h; $SLUICE_LINGER)", "(default redis://127.0.0.1:6379/0; $SLUICE_REDIS_URL)"} {
		if !strings.Contains(help, want) {
			t.Errorf("without %s:\n%s", want, out.String())
		}
	}
}

// It works until it is told to stop, and says meanwhile whether it can.
func TestWork(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t)
	p := programtest.Start(t, run, "--senders", sendersFile(t), "--redis-url", rdb.URL(), "--metrics-addr", "127.0.0.1:0")
	addr := p.Await(t, "serving metrics")
	p.Await(t, "worker ready")
	if status, _ := programtest.Get(t, "http://"+addr+"/readyz"); status != 200 {
		t.Errorf("not ready: %d", status)
	}
	if _, body := programtest.Get(t, "http://"+addr+"/metrics"); !strings.Contains(body, "sluice_") {
		t.Errorf("no figures: %s", body)
	}
	if last, err := p.Stop(t); err != nil || !strings.Contains(last, "worker stopped") {
		t.Errorf("%v: %s", err, last)
	}
}

// Without Redis it is alive, and not ready.
func TestReady(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t)
	client := rdb.Client(t)
	if err := ready(client)(t.Context()); err != nil {
		t.Error(err)
	}
	rdb.Kill(t)
	if err := ready(client)(t.Context()); err == nil {
		t.Error("ready, and Redis is gone")
	}
}
