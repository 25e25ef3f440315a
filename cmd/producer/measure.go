package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sluice/internal/figures"
	"sluice/internal/outbox"
	"sluice/internal/program"
)

// fleet has a registry with the figures of the fleet, which the caller runs.
func (a *app) fleet(reg prometheus.Registerer, told *outbox.Store, log zerolog.Logger) *figures.Figures {
	program.TellBuild(reg, "serve", version())
	return figures.New(reg, figures.Options{
		Redis: a.redis, Outbox: told, Now: a.now, Log: log,
		Senders: func() (map[string]int, error) {
			senders, err := a.providers.Load(a.Senders, a.getenv)
			limits := map[string]int{}
			for name := range senders {
				limits[name] = senders[name].Limits.MessagesPerDay
			}
			return limits, err
		},
	})
}

// toldOf counts what came of callbacks.
func toldOf(reg prometheus.Registerer) func(result string) {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_callbacks_total", Help: "Events that an endpoint was told of, by what came of it: told, failed and to be tried again, or gone for good.",
	}, []string{"result"})
	reg.MustRegister(all)
	for _, result := range []string{"told", "failed", "gone"} {
		all.WithLabelValues(result)
	}
	return func(result string) { all.WithLabelValues(result).Inc() }
}

// measured counts what the API is asked. The label is the route, as the API has it, and
// never what stands in it.
func measured(reg prometheus.Registerer, api http.Handler) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_api_requests_total", Help: "Requests to the API by route and the status that they were answered with.",
	}, []string{"route", "status"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_api_duration_seconds", Help: "How long answers of the API took, streams to their end.",
		Buckets: []float64{.005, .025, .1, .5, 1, 5, 30, 300},
	}, []string{"route"})
	reg.MustRegister(requests, took)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &answer{ResponseWriter: w, status: http.StatusOK}
		api.ServeHTTP(seen, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		requests.WithLabelValues(route, strconv.Itoa(seen.status)).Inc()
		took.WithLabelValues(route).Observe(time.Since(began).Seconds())
	})
}

// An answer notes its status.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Flush has what was written go out.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// Unwrap is what http.ResponseController asks for.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
