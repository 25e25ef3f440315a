package e2e

import (
	"fmt"
	"testing"
	"time"
)

// No second holds more than the limit, whatever the number of workers, by the
// sandbox' own clock. What is used of the limit is only reported: it depends on
// the machine.
func TestPaceOfRealWorkers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, workers, rows int
		whole                bool
	}{
		{20, 1, 100, false},
		{80, 3, 400, false},
		{500, 3, 2500, false},
		{1000, 2, 6000, false},
		{80, 2, 400, true},
		{500, 2, 2500, true},
	} {
		t.Run(fmt.Sprintf("%d a second, %d workers, whole %v", tt.limit, tt.workers, tt.whole), func(t *testing.T) {
			w := newWorld(t, "--latency", "10ms")
			limits := fmt.Sprintf(", messages_per_second: %d", tt.limit)
			w.writeSenders(limits, limits)
			for range tt.workers {
				w.start("worker")
			}
			file := w.nxCampaign("paced", w.list("p.csv", tt.rows), "")
			if tt.whole {
				file = w.innoCampaign("paced", "p.csv", "")
			}
			if _, code := w.run("producer", "send", file, "--wait"); code != 0 {
				t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
			}
			r := w.report()
			most := tt.limit * 103 / 100
			if tt.limit < 50 {
				most = tt.limit + 1
			}
			if r.MaxPerSecond > most {
				t.Errorf("%d messages in one second, the limit is %d", r.MaxPerSecond, tt.limit)
			}
			took := time.Duration(r.LastUS-r.FirstUS) * time.Microsecond
			t.Logf("most in a second %.1f %%, average %.1f %% of the limit over %s", 100*float64(r.MaxPerSecond)/float64(tt.limit),
				100*r.AveragePerSecond/float64(tt.limit), took.Round(100*time.Millisecond))
			w.judge("paced")
		})
	}
}
