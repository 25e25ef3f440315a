package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/internal/sender"
)

// The figures keep Prometheus' conventions, and every series is there from the
// start.
func TestMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, "promo-br", "promo-id")
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total")
	if want := 2 * len(sender.Outcomes) * len(sender.Classes); err != nil || n != want {
		t.Errorf("%d series, want %d: %v", n, want, err)
	}
	m.submitted("promo-br", sender.Result{Outcome: sender.Rejected, Code: "22091"}, 1)
	if n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total"); err != nil || n != 2*len(sender.Outcomes)*len(sender.Classes) {
		t.Errorf("a result made a series of its own: %d, %v", n, err)
	}
	m.Open("promo-mx")
	if n, err := testutil.GatherAndCount(reg, "sluice_recipients_submitted_total"); err != nil || n != 3*len(sender.Outcomes)*len(sender.Classes) {
		t.Errorf("a sender that was opened later has not its series at zero: %d, %v", n, err)
	}
}

// Figures of two senders at one provider are two; what is not known to be in
// doubt is not counted so.
func TestMetricsAreBySender(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, "promo-br", "promo-mx")
	m.submitted("promo-br", sender.Result{Outcome: sender.Unknown, Code: "timeout"}, 3)
	m.submitting("promo-br")()
	m.submitting("promo-mx")
	m.waited("promo-mx", time.Second)
	m.Doubted(2)
	got := map[string]float64{
		"unknown of br":   testutil.ToFloat64(m.submissions.WithLabelValues("promo-br", "unknown", "transport")),
		"unknown of mx":   testutil.ToFloat64(m.submissions.WithLabelValues("promo-mx", "unknown", "transport")),
		"in flight of br": testutil.ToFloat64(m.inFlight.WithLabelValues("promo-br")),
		"in flight of mx": testutil.ToFloat64(m.inFlight.WithLabelValues("promo-mx")),
		"in doubt":        testutil.ToFloat64(m.inDoubt),
	}
	want := map[string]float64{"unknown of br": 3, "unknown of mx": 0, "in flight of br": 0, "in flight of mx": 1, "in doubt": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	t.Parallel()
	var m *Metrics
	m.submitted("promo-br", sender.Result{Outcome: sender.Accepted}, 1)
	m.submitting("promo-br")()
	m.waited("promo-br", 0)
	m.Open("promo")
	m.withdraw(1)
	m.Doubted(1)
}
