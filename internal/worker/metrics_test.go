package worker

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/internal/sender"
)

// The figures keep Prometheus' conventions, and every series is there from the
// start, that of a sender opened later from when it is opened.
func TestMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, "promo-br", "promo-id")
	m.campaigns(nil)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	count := func() int {
		t.Helper()
		n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if before == 0 || before%(2*len(sender.Outcomes)) != 0 {
		t.Errorf("%d series of two senders", before)
	}
	m.pace("promo-mx", 1, time.Time{})
	if n := count(); 2*n != 3*before {
		t.Errorf("a sender that was opened later has not its series at zero: %d, before %d", n, before)
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	t.Parallel()
	var m *Metrics
	m.campaigns(nil)
	m.redisError()
	m.batchRun(nil)
	m.pace("promo", 1, time.Time{})
	m.Doubted(1)
	if m.submissions() != nil {
		t.Error("there are figures of submissions")
	}
}
