package e2e

import (
	"strings"
	"testing"
	"time"
)

// Every program refuses a Redis of another schema, and of the time before there
// were numbers, and says what to do.
func TestOtherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world){
		"another number":            func(w *world) { w.rdb.HSet(t.Context(), "sluice:schema", "number", "99") },
		"before there were numbers": func(w *world) { w.rdb.SAdd(t.Context(), "sluice:active", "old") },
	} {
		w := newWorld(t)
		spoil(w)
		if _, code := w.run("producer", "list"); code != 1 {
			t.Errorf("%s: producer list: exit code %d", name, code)
		}
		if _, code := w.run("producer", "send", w.nxCampaign("new", w.list("n.csv", 1), "")); code != 1 {
			t.Errorf("%s: producer send: exit code %d", name, code)
		}
		p := w.start("worker")
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the worker works", name)
		}
		if code := p.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%s: worker: exit code %d", name, code)
		}
		if n := strings.Count(w.logs.String(), "export them with the version that wrote them"); n != 3 {
			t.Errorf("%s: %d programs say what to do\n%s", name, n, w.logs.tail(2000))
		}
		if keys := w.rdb.Keys(t.Context(), "*").Val(); len(keys) != 1 {
			t.Errorf("%s: written was %v", name, keys)
		}
	}
}
