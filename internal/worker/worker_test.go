package worker

import (
	"context"
	"testing"
)

// A worker that is told to stop before it has begun has not failed.
func TestToldToStopBeforeItBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told, stop := context.WithCancel(t.Context())
	stop()
	if err := New(w.options("w")).Run(told); err != nil {
		t.Error(err)
	}
}
