package jobs

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/internal/sender"
)

// The figures keep Prometheus' conventions, and every series is there from the
// start.
func TestMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, "nxcloud", "innopaas")
	m.campaigns(nil)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total")
	if want := 2 * len(sender.Outcomes) * len(classes()); err != nil || n != want {
		t.Errorf("%d series, want %d: %v", n, want, err)
	}
	m.submitted("nxcloud", sender.Result{Outcome: sender.Rejected, Code: "22091"}, 1)
	if n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total"); err != nil || n != 2*len(sender.Outcomes)*len(classes()) {
		t.Errorf("a result made a series of its own: %d, %v", n, err)
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	t.Parallel()
	var m *Metrics
	m.submitted("nxcloud", sender.Result{Outcome: sender.Accepted}, 1)
	m.submitting("nxcloud")()
	m.campaigns(nil)
	m.redisError()
	m.batchRun(nil)
	m.waited("nxcloud", 0)
	m.pace("promo", 1)
	m.withdraw(1)
}
