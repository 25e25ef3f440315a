package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

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
			Name: "sluice_receipts_located_total", Help: "Receipts by sender and what became of them: located by_reference or by_number, early, foreign, unlocated; and what was no receipt.",
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

// serve serves the receiver's figures and its health until the function that it
// returns is called.
func serve(addr string, reg *prometheus.Registry, s *spool.Spool, log zerolog.Logger) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.Full() {
			http.Error(w, "the disk of --dir is full: callbacks are refused until there is room", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Msg("metrics are no longer served")
		}
	}()
	log.Info().Str("addr", l.Addr().String()).Msg("serving metrics")
	return func() { srv.Close() }, nil
}
