package main

import (
	"context"
	"errors"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/program"
	"sluice/internal/spool"
)

// metrics are the receiver's figures.
type metrics struct {
	answers, located, failed *prometheus.CounterVec
	took                     prometheus.Histogram
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
	m.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "sluice_receipts_ack_duration_seconds", Help: "How long callbacks waited for their answer, which comes once they are on the disk.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	})
	reg.MustRegister(m.answers, m.located, m.failed, waiting, m.took)
	tellSpool(reg, s)
	program.TellBuild(reg, "receiver", version())
	return m
}

// tellSpool has the figures say what waits.
func tellSpool(reg *prometheus.Registry, s *spool.Spool) {
	gauge := func(name, help string, f func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	gauge("sluice_receipts_spool_bytes", "What of the spool is not noted as applied; that is noted some seconds later.", func() float64 {
		bytes, _, err := s.Waiting()
		if err != nil {
			return math.NaN()
		}
		return float64(bytes)
	})
	gauge("sluice_receipts_spool_oldest_seconds", "For how long the oldest of it has waited; 0 where nothing waits.", func() float64 {
		_, oldest, err := s.Waiting()
		switch {
		case err != nil:
			return math.NaN()
		case oldest.IsZero():
			return 0
		}
		return time.Since(oldest).Seconds()
	})
}

// timed measures how long answers take.
func (m *metrics) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		m.took.Observe(time.Since(began).Seconds())
	})
}

// version is that of this program as it was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
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
