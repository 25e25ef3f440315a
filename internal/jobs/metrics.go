package jobs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/campaign"
	"sluice/internal/sender"
)

// Metrics are a worker's figures for Prometheus. Labels are bounded: a sender's
// provider, an outcome, a state; never a campaign, a number or a code. A nil
// *Metrics counts nothing.
type Metrics struct {
	submissions *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	inFlight    *prometheus.GaugeVec
	byState     *prometheus.GaugeVec
	redisErrors prometheus.Counter
}

// NewMetrics registers a worker's figures, all series at zero for the providers
// named.
func NewMetrics(reg prometheus.Registerer, providers ...string) *Metrics {
	m := &Metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_recipients_submitted_total", Help: "Recipients whose submission has ended, by outcome.",
		}, []string{"provider", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_submission_duration_seconds", Help: "How long submissions took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15},
		}, []string{"provider"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_submissions_in_flight", Help: "Submissions that are under way in this worker.",
		}, []string{"provider"}),
		byState: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_campaigns", Help: "Campaigns that are not over, by state.",
		}, []string{"state"}),
		redisErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_redis_errors_total", Help: "Times that this worker found Redis away.",
		}),
	}
	for _, p := range providers {
		for _, o := range sender.Outcomes {
			m.submissions.WithLabelValues(p, o.String())
		}
		m.duration.WithLabelValues(p)
		m.inFlight.WithLabelValues(p)
	}
	reg.MustRegister(m.submissions, m.duration, m.inFlight, m.byState, m.redisErrors)
	return m
}

func (m *Metrics) submitted(provider string, res sender.Result) {
	if m != nil {
		m.submissions.WithLabelValues(provider, res.Outcome.String()).Inc()
	}
}

// submitting counts a submission in and returns what counts it out.
func (m *Metrics) submitting(provider string) func() {
	if m == nil {
		return func() {}
	}
	start := time.Now()
	g := m.inFlight.WithLabelValues(provider)
	g.Inc()
	return func() {
		g.Dec()
		m.duration.WithLabelValues(provider).Observe(time.Since(start).Seconds())
	}
}

func (m *Metrics) campaigns(active []campaign.Brief) {
	if m == nil {
		return
	}
	m.byState.Reset()
	for _, s := range []campaign.State{campaign.Importing, campaign.Scheduled, campaign.Running, campaign.Paused, campaign.Halted} {
		m.byState.WithLabelValues(string(s)).Set(0)
	}
	for _, rec := range active {
		m.byState.WithLabelValues(string(rec.State)).Inc()
	}
}

func (m *Metrics) redisError() {
	if m != nil {
		m.redisErrors.Inc()
	}
}
