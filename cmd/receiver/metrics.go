package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/spool"
)

// metrics are the receiver's figures.
type metrics struct {
	answers, located, failed *prometheus.CounterVec
}

func newMetrics(reg *prometheus.Registry, s *spool.Spool) *metrics {
	m := &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_receipts_answers_total", Help: "Callbacks by sender and the HTTP status that they were answered with.",
		}, []string{"sender", "status"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_receipts_checks_failed_total", Help: "Callbacks by sender and the check that they did not pass, whether they were taken or not.",
		}, []string{"sender", "check"}),
		located: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_receipts_located_total", Help: "Receipts by sender and what became of them: located by_reference or by_number, early, foreign, unlocated; what was no receipt; and how many submissions they proved.",
		}, []string{"sender", "by"}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sluice_receipts_segments_waiting", Help: "Segments of the spool that are not wholly applied.",
	}, func() float64 { return float64(s.End().Segment - s.Applied().Segment) })
	reg.MustRegister(m.answers, m.located, m.failed, waiting)
	return m
}

func (m *metrics) answered(sender string, status int, failed string) {
	m.answers.WithLabelValues(sender, strconv.Itoa(status)).Inc()
	if failed != "" {
		m.failed.WithLabelValues(sender, failed).Inc()
	}
}

func (m *metrics) count(sender, what string, n int) {
	m.located.WithLabelValues(sender, what).Add(float64(n))
}

// ready says whether callbacks can be taken.
func ready(s *spool.Spool) func(context.Context) error {
	return func(context.Context) error {
		if s.Full() {
			return errors.New("the disk of --dir is full: callbacks are refused until there is room")
		}
		return nil
	}
}
