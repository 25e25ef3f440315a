package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"sluice/internal/audit"
	"sluice/internal/campaign"
)

type monitorCommand struct {
	Addr         string   `default:"127.0.0.1:8980" help:"Where to serve; a loopback address, for there is no login." placeholder:"ADDR"`
	Hosts        []string `name:"host" help:"A further name that the page may be asked by, such as that of a proxy before it; any but this machine's own is refused." placeholder:"NAME,..."`
	AllowChanges bool     `help:"Let the page run, archive and delete tasks. The ledger stays true whatever is done there."`
}

// shared hands the program's own client to asynqmon.
type shared struct{ redis.UniversalClient }

// MakeRedisClient is asynq's way to get a client.
func (s shared) MakeRedisClient() any { return s.UniversalClient }

// Run serves the queue's web UI until the command is interrupted.
func (c *monitorCommand) Run(a *app) error {
	if err := loopback(c.Addr); err != nil {
		return &usageError{err}
	}
	if err := a.connect(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	ui := asynqmon.New(asynqmon.Options{RedisConnOpt: shared{a.redis}, ReadOnly: !c.AllowChanges})
	srv := &http.Server{Handler: guard(a.noted(ui), c.Hosts), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(a.ctx, func() { srv.Close() })
	defer stop()
	fmt.Fprintf(a.out, "the queue's web UI is at http://%s\n", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the queue's web UI: %w", err)
	}
	return nil
}

// queuePath is the path of what is changed of a queue.
var queuePath = regexp.MustCompile(`^/api/queues/([^/]+?)(?:/|:[a-z_]+$|$)`)

// noted has what is changed through next stand in the audit, as an act of whoever
// runs this: there is no login.
func (a *app) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		act := audit.Act{Name: "queue", Detail: r.Method + " " + r.URL.Path}
		if m := queuePath.FindStringSubmatch(r.URL.Path); m != nil {
			if id, ours := strings.CutPrefix(m[1], a.QueuePrefix); ours && campaign.CheckID(id) == nil {
				act.Campaign = id
			}
		}
		answered := false
		err := a.desk.Act(r.Context(), act, func(*audit.Act) (bool, error) {
			answered = true
			seen := &statusWriter{ResponseWriter: w}
			next.ServeHTTP(seen, r)
			if seen.code >= http.StatusInternalServerError {
				return false, errNotChanged
			}
			return seen.code < http.StatusBadRequest, nil
		})
		if err != nil && !answered {
			http.Error(w, "what is changed could not be noted, so nothing was: Redis does not answer", http.StatusServiceUnavailable)
		}
	})
}

var errNotChanged = errors.New("the queue's page could not do it")

// A statusWriter knows the status that was written.
type statusWriter struct {
	http.ResponseWriter
	code int // 0: as if OK
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// loopback refuses an address that others could reach.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8980", addr)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--addr: %s is not a loopback address, and the page has no login; serve it on 127.0.0.1 behind a proxy that asks who is there, and name the proxy with --host", host)
}
