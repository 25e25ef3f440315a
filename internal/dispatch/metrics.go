package dispatch

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/sender"
)

// Metrics are the figures of submissions for Prometheus. Names are bounded: a sender of
// the senders file, an outcome, a state; never a campaign, a number or a code. A
// nil *Metrics counts nothing.
type Metrics struct {
	submissions *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	inFlight    *prometheus.GaugeVec
	inDoubt     prometheus.Counter
	rateWait    *prometheus.HistogramVec
	withdrawn   prometheus.Counter

	mu     sync.RWMutex
	series map[string]*series // by sender
}

// A series is one sender's part of the figures that each submission changes:
// to find them by their labels each time costs as much as to sign.
type series struct {
	inFlight           prometheus.Gauge
	duration, rateWait prometheus.Observer
	submissions        map[ending]prometheus.Counter
}

// An ending is how a submission ended for a recipient.
type ending struct {
	outcome sender.Outcome
	class   sender.Class
}

// NewMetrics registers the figures, all series at zero for the senders
// named. One that the file gets later has its series from when it is opened.
func NewMetrics(reg prometheus.Registerer, senders ...string) *Metrics {
	m := &Metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_recipients_submitted_total", Help: "Recipients whose submission has ended, by outcome and class of code.",
		}, []string{"sender", "outcome", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_submission_duration_seconds", Help: "How long submissions took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15},
		}, []string{"sender"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_submissions_in_flight", Help: "Submissions that are under way in this worker.",
		}, []string{"sender"}),
	}
	m.inDoubt = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_recipients_in_doubt_total", Help: "Recipients in doubt by a submission of this worker, or found so when it took a batch over; none under on_doubt: resend.",
	})
	m.rateWait = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_rate_wait_seconds", Help: "How long chunks waited for their slot.",
		Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 5, 30, 300},
	}, []string{"sender"})
	m.withdrawn = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_recipients_withdrawn_total", Help: "Recipients whose slot was reached too late, or given up at a stop; they are submitted later.",
	})
	m.series = map[string]*series{}
	for _, name := range senders {
		m.Open(name)
	}
	reg.MustRegister(m.submissions, m.duration, m.inFlight, m.inDoubt, m.rateWait, m.withdrawn)
	return m
}

// Open makes a sender's series at zero if there are none.
func (m *Metrics) Open(name string) {
	if m != nil {
		m.of(name)
	}
}

// of is a sender's series, made at zero if there was none.
func (m *Metrics) of(name string) *series {
	m.mu.RLock()
	s := m.series[name]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.series[name]; s != nil {
		return s
	}
	s = &series{
		inFlight: m.inFlight.WithLabelValues(name), duration: m.duration.WithLabelValues(name),
		rateWait: m.rateWait.WithLabelValues(name), submissions: map[ending]prometheus.Counter{},
	}
	for _, o := range sender.Outcomes {
		for _, c := range sender.Classes {
			s.submissions[ending{o, c}] = m.submissions.WithLabelValues(name, o.String(), c.String())
		}
	}
	m.series[name] = s
	return s
}

func (m *Metrics) submitted(name string, res sender.Result, n int) {
	if m == nil {
		return
	}
	if c, ok := m.of(name).submissions[ending{res.Outcome, res.Code.Class()}]; ok {
		c.Add(float64(n))
	}
}

// Doubted counts recipients that the ledger says are in doubt from now on.
func (m *Metrics) Doubted(recipients int) {
	if m != nil {
		m.inDoubt.Add(float64(recipients))
	}
}

func (m *Metrics) waited(name string, d time.Duration) {
	if m != nil {
		m.of(name).rateWait.Observe(d.Seconds())
	}
}

func (m *Metrics) withdraw(n int) {
	if m != nil {
		m.withdrawn.Add(float64(n))
	}
}

// submitting counts a submission in and returns what counts it out.
func (m *Metrics) submitting(name string) func() {
	if m == nil {
		return func() {}
	}
	start := time.Now()
	s := m.of(name)
	s.inFlight.Inc()
	return func() {
		s.inFlight.Dec()
		s.duration.Observe(time.Since(start).Seconds())
	}
}
