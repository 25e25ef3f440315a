package main

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/ledger"
)

// Workers of several versions are warned of, wherever the list goes.
func TestWorkersOfSeveralVersions(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	l := ledger.New(d.rdb, time.Now)
	for _, tt := range []struct {
		worker, version string
		warned          bool
	}{{"a", "v0.1.0", false}, {"b", "v0.1.0", false}, {"c", "v0.2.0", true}} {
		if _, err := l.Beat(d.ctx, ledger.Heartbeat{Worker: tt.worker, Version: tt.version}, time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"workers"}, {"workers", "--json"}} {
			out, said, code := d.run(args...)
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, said)
			}
			if warned := strings.Contains(said, "2 versions: v0.1.0, v0.2.0"); warned != tt.warned || strings.Contains(out, "warning") {
				t.Errorf("%v with %s: %q", args, tt.worker, said)
			}
		}
	}
}
