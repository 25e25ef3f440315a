package worker

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/campaign"
	"sluice/internal/dispatch"
)

// Metrics are a worker's figures for Prometheus. Labels are bounded: a sender of
// the senders file, an outcome, a state; never a campaign, a number or a code. A
// nil *Metrics counts nothing.
type Metrics struct {
	dispatch    *dispatch.Metrics
	byState     *prometheus.GaugeVec
	redisErrors prometheus.Counter
	batches     *prometheus.CounterVec
	factor      *prometheus.GaugeVec
	paused      *prometheus.GaugeVec
}

// NewMetrics registers a worker's figures, all series at zero for the senders
// named. One that the file gets later has its series from when it is opened.
func NewMetrics(reg prometheus.Registerer, senders ...string) *Metrics {
	m := &Metrics{
		dispatch: dispatch.NewMetrics(reg, senders...),
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
	m.factor = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pace_factor_ratio", Help: "What throttling has left of a sender's limit, up to 1.",
	}, []string{"sender"})
	m.paused = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pace_pause_seconds", Help: "How long the provider still wants nothing, as it asked with Retry-After; 0: it does not ask for that.",
	}, []string{"sender"})
	for _, end := range []string{endDone, endLater, endFailed} {
		m.batches.WithLabelValues(end)
	}
	reg.MustRegister(m.byState, m.redisErrors, m.batches, m.factor, m.paused)
	return m
}

// Doubted counts recipients that the ledger says are in doubt from now on.
func (m *Metrics) Doubted(recipients int) {
	if m != nil {
		m.dispatch.Doubted(recipients)
	}
}

// submissions are the figures of what is submitted, or nil.
func (m *Metrics) submissions() *dispatch.Metrics {
	if m == nil {
		return nil
	}
	return m.dispatch
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
	var l *dispatch.Snooze
	if errors.As(err, &l) {
		end = endLater
	} else if err != nil {
		end = endFailed
	}
	m.batches.WithLabelValues(end).Inc()
}

// pace is told of each sender that is open, and until when it is paused; zero: it
// is not.
func (m *Metrics) pace(name string, factor float64, paused time.Time) {
	if m != nil {
		m.dispatch.Open(name)
		m.factor.WithLabelValues(name).Set(factor)
		m.paused.WithLabelValues(name).Set(max(0, time.Until(paused).Seconds()))
	}
}

func (m *Metrics) campaigns(all map[string]*supervised) {
	if m == nil {
		return
	}
	count := map[campaign.State]int{}
	for _, c := range all {
		count[c.brief.State]++
	}
	for _, s := range []campaign.State{campaign.Importing, campaign.Scheduled, campaign.Running, campaign.Paused, campaign.Halted} {
		m.byState.WithLabelValues(string(s)).Set(float64(count[s]))
	}
}

func (m *Metrics) redisError() {
	if m != nil {
		m.redisErrors.Inc()
	}
}
