package program

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// A program that is asked for its health by another process says whether it can work,
// and why not; wherever it listens.
func TestAskReady(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	var trouble error
	stop, err := ServeHealth("0.0.0.0:0", prometheus.NewRegistry(), func(context.Context) error { return trouble }, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`:(\d+)"`).FindStringSubmatch(log.String())[1]
	for _, addr := range []string{"0.0.0.0:" + port, ":" + port, "127.0.0.1:" + port} {
		if err := AskReady(t.Context(), addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	trouble = errors.New("no Redis")
	if err := AskReady(t.Context(), ":"+port); err == nil || err.Error() != "not ready: no Redis" {
		t.Errorf("%v", err)
	}
	stop()
	if err := AskReady(t.Context(), ":"+port); err == nil {
		t.Error("ready, and it is gone")
	}
	for _, addr := range []string{"", "9090", ":0"} {
		if usage := (*UsageError)(nil); !errors.As(AskReady(t.Context(), addr), &usage) {
			t.Errorf("%q is taken", addr)
		}
	}
}
