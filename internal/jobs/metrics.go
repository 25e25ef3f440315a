package jobs

import (
	"errors"
	"strings"
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
	batches     *prometheus.CounterVec
	inDoubt     prometheus.Counter
	rateWait    *prometheus.HistogramVec
	factor      *prometheus.GaugeVec
	withdrawn   prometheus.Counter

	series map[string]*series // by provider
}

// A series is one provider's part of the figures that each submission changes:
// to find them by their labels each time costs as much as to sign.
type series struct {
	inFlight           prometheus.Gauge
	duration, rateWait prometheus.Observer
	submissions        map[ending]prometheus.Counter
}

// An ending is how a submission ended for a recipient.
type ending struct {
	outcome sender.Outcome
	class   string
}

// NewMetrics registers a worker's figures, all series at zero for the providers
// named, which must be all that there are.
func NewMetrics(reg prometheus.Registerer, providers ...string) *Metrics {
	m := &Metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_recipients_submitted_total", Help: "Recipients whose submission has ended, by outcome and class of code.",
		}, []string{"provider", "outcome", "class"}),
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
	m.batches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_batches_total", Help: "Batches that this worker has run, by how the run ended.",
	}, []string{"end"})
	m.inDoubt = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_recipients_in_doubt_total", Help: "Recipients that came in doubt in this worker's hands.",
	})
	m.rateWait = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_rate_wait_seconds", Help: "How long chunks waited for their slot.",
		Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 5, 30, 300},
	}, []string{"provider"})
	m.factor = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pace_factor_ratio", Help: "What throttling has left of a sender's limit, up to 1.",
	}, []string{"sender"})
	m.withdrawn = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_recipients_withdrawn_total", Help: "Recipients whose slot was reached too late, or given up at a stop; they are submitted later.",
	})
	for _, end := range []string{endDone, endLater, endFailed} {
		m.batches.WithLabelValues(end)
	}
	m.series = map[string]*series{}
	for _, p := range providers {
		s := &series{
			inFlight: m.inFlight.WithLabelValues(p), duration: m.duration.WithLabelValues(p),
			rateWait: m.rateWait.WithLabelValues(p), submissions: map[ending]prometheus.Counter{},
		}
		for _, o := range sender.Outcomes {
			for _, c := range classes() {
				s.submissions[ending{o, c}] = m.submissions.WithLabelValues(p, o.String(), c)
			}
		}
		m.series[p] = s
	}
	reg.MustRegister(m.submissions, m.duration, m.inFlight, m.byState, m.redisErrors, m.batches, m.inDoubt, m.rateWait, m.factor, m.withdrawn)
	return m
}

func (m *Metrics) submitted(provider string, res sender.Result, n int) {
	if m == nil {
		return
	}
	if c, ok := m.series[provider].submissions[ending{res.Outcome, class(res.Code)}]; ok {
		c.Add(float64(n))
	}
	if res.Outcome == sender.Unknown {
		m.inDoubt.Add(float64(n))
	}
}

// The classes of codes. Codes themselves are too many for a label.
const (
	classNone      = "none"      // accepted
	classProvider  = "provider"  // the provider's own code
	classMeta      = "meta"      // the platform's, inside the provider's answer
	classHTTP      = "http"      // an HTTP status
	classTransport = "transport" // no answer at all
)

func classes() []string {
	return []string{classNone, classProvider, classMeta, classHTTP, classTransport}
}

// class is a code's class.
func class(code string) string {
	switch {
	case code == "":
		return classNone
	case strings.HasPrefix(code, "meta_"):
		return classMeta
	case strings.HasPrefix(code, "http_"):
		return classHTTP
	case code[0] == '-' || code[0] >= '0' && code[0] <= '9':
		return classProvider
	}
	return classTransport
}

// How a batch's run ends.
const (
	endDone   = "done"
	endLater  = "later"
	endFailed = "failed"
)

func (m *Metrics) batchRun(err error) {
	if m == nil {
		return
	}
	end := endDone
	var l *later
	if errors.As(err, &l) {
		end = endLater
	} else if err != nil {
		end = endFailed
	}
	m.batches.WithLabelValues(end).Inc()
}

func (m *Metrics) waited(provider string, d time.Duration) {
	if m != nil {
		m.series[provider].rateWait.Observe(d.Seconds())
	}
}

func (m *Metrics) withdraw(n int) {
	if m != nil {
		m.withdrawn.Add(float64(n))
	}
}

func (m *Metrics) pace(sender string, factor float64) {
	if m != nil {
		m.factor.WithLabelValues(sender).Set(factor)
	}
}

// submitting counts a submission in and returns what counts it out.
func (m *Metrics) submitting(provider string) func() {
	if m == nil {
		return func() {}
	}
	start := time.Now()
	s := m.series[provider]
	s.inFlight.Inc()
	return func() {
		s.inFlight.Dec()
		s.duration.Observe(time.Since(start).Seconds())
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
		if rec.State.Over() {
			continue
		}
		m.byState.WithLabelValues(string(rec.State)).Inc()
	}
}

func (m *Metrics) redisError() {
	if m != nil {
		m.redisErrors.Inc()
	}
}
