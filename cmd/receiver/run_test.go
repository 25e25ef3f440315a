package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/program"
	"sluice/internal/program/programtest"
	"sluice/internal/redistest"
)

func noEnv(string) string { return "" }

const secret = "a-secret-of-some-length"

// sendersFile is one with a sender whose callbacks are taken, with more settings.
func sendersFile(t *testing.T, more string) string {
	t.Helper()
	text := `senders:
  nx: {provider: nxcloud, tenant_id: 1, appkey: a, business_phone: "8615800001795", access_key: k, access_secret: s, receipts: {secret: ` + secret + more + `}}
`
	path := filepath.Join(t.TempDir(), "senders.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	file, dir := sendersFile(t, ""), t.TempDir()
	for _, tt := range []struct{ args, says string }{
		{"--senders " + file, "--dir"},
		{"--dir " + dir + " --senders nowhere.yaml", "nowhere.yaml"},
		{"--dir " + dir + " --senders " + sendersFile(t, ", verify: perhaps"), "verify"},
		{"--dir " + dir + " --senders " + sendersFile(t, ", allow: [everybody]"), "allow"},
		{"--dir " + dir + " --senders " + sendersFile(t, ", halt_undelivered: 30"), "halt_undelivered"},
		{"--dir " + dir + " --senders " + file + " --redis-url http://x", "--redis-url"},
		{"--dir " + dir + " --senders " + file + " --log-format xml", "--log-format"},
	} {
		var out strings.Builder
		err := run(t.Context(), strings.Fields(tt.args), noEnv, nil, &out, &out)
		var usage *program.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
	if err := run(t.Context(), []string{"--help"}, noEnv, nil, &strings.Builder{}, nil); err != nil {
		t.Error(err)
	}
}

// It takes callbacks until it is told to stop, with and without Redis.
func TestReceive(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t)
	for _, tt := range []struct{ name, url string }{{"with Redis", rdb.URL()}, {"without", "redis://127.0.0.1:1/0"}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "spool")
			p := programtest.Start(t, run, "--addr", "127.0.0.1:0", "--dir", dir, "--senders", sendersFile(t, ""), "--redis-url", tt.url, "--metrics-addr", "127.0.0.1:0")
			figures := p.Await(t, "serving metrics")
			addr := p.Await(t, "receiver ready")
			for path, want := range map[string]int{"/r/nx/" + secret: 200, "/r/nx/another-secret-of-some-length": 404, "/r/nobody/" + secret: 404} {
				resp, err := http.Post("http://"+addr+path, "application/json", strings.NewReader(`{}`))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s: %d, and not %d", path, resp.StatusCode, want)
				}
			}
			if status, _ := programtest.Get(t, "http://"+figures+"/readyz"); status != 200 {
				t.Errorf("not ready: %d", status)
			}
			if _, body := programtest.Get(t, "http://"+figures+"/metrics"); !strings.Contains(body, `sluice_receipts_answers_total{sender="nx",status="200"} 1`) {
				t.Errorf("the answer is not counted: %s", body)
			}
			if last, err := p.Stop(t); err != nil {
				t.Errorf("%v: %s", err, last)
			}
		})
	}
}
