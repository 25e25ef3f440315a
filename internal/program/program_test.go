package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("failed"), 1},
		{&UsageError{errors.New("wrong")}, 2},
		{fmt.Errorf("in senders.yaml: %w", &UsageError{io.ErrUnexpectedEOF}), 2},
	} {
		if got := exitCode(tt.err); got != tt.code {
			t.Errorf("%v: %d, and not %d", tt.err, got, tt.code)
		}
	}
	if err := error(&UsageError{io.ErrUnexpectedEOF}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("what is underneath is lost")
	}
}

// Figures and health are served until the end, and what keeps a program from its
// work is said.
func TestServeHealth(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "things_total", Help: "Things."}))
	var log strings.Builder
	trouble := errors.New("no Redis")
	stop, err := ServeHealth("127.0.0.1:0", reg, func(context.Context) error { return trouble }, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(log.String())
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{{"/healthz", 200, "ok\n"}, {"/readyz", 503, "no Redis\n"}, {"/metrics", 200, "things_total 0\n"}} {
		status, body := get(t, "http://"+addr+tt.path)
		if status != tt.status || !strings.HasSuffix(body, tt.body) {
			t.Errorf("%s: %d, %q", tt.path, status, body)
		}
	}
	trouble = nil
	if status, _ := get(t, "http://"+addr+"/readyz"); status != 200 {
		t.Errorf("ready, and it says %d", status)
	}
	if _, err := ServeHealth(addr, reg, nil, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "--metrics-addr") {
		t.Errorf("an address that is taken: %v", err)
	}
	stop()
	if resp, err := http.Get("http://" + addr + "/healthz"); err == nil {
		resp.Body.Close()
		t.Error("it serves on after its end")
	}
	if stop, err = ServeHealth("", reg, nil, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	stop()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
