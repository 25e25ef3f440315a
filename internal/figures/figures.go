// Package figures exports what Redis knows of all campaigns and workers together,
// beside what each program knows of itself. Labels are bounded: a sender of the
// senders file, a status, a kind; never a campaign, a number or a code. Every
// process that exports them says the same: take the max of them, not the sum.
package figures

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/campaign"
	"sluice/internal/ledger"
	"sluice/internal/outbox"
	"sluice/internal/ratelimit"
	"sluice/internal/status"
)

const (
	// every is how often Redis is asked, and rest how much longer than a look took the
	// next one waits at least: with thousands of campaigns it takes a while.
	every = 10 * time.Second
	rest  = 9
	// within is how long one look takes at most.
	within = time.Minute
)

// Options are what Figures are of.
type Options struct {
	Redis redis.UniversalClient
	// Senders are those of the senders file with their messages a day, 0 for no limit.
	Senders func() (map[string]int, error)
	Outbox  *outbox.Store
	Now     func() time.Time
	Log     zerolog.Logger
}

// Figures are the fleet's, kept up by Run.
type Figures struct {
	o Options

	backlog, doubt, accepted, day *prometheus.GaugeVec // by sender
	funnel                        *prometheus.GaugeVec // by sender and status
	halted                        *prometheus.GaugeVec // by kind
	workers, versions             prometheus.Gauge
	memory, refused               prometheus.Gauge
	dead, overdue, at             prometheus.Gauge
}

// New registers the figures, none of which is there before the first look.
func New(reg prometheus.Registerer, o Options) *Figures {
	vec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(v)
		return v
	}
	one := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	return &Figures{
		o:        o,
		backlog:  vec("sluice_backlog_recipients", "Recipients pending in campaigns that run, and whose window is open.", "sender"),
		doubt:    vec("sluice_in_doubt_recipients", "Recipients in doubt in campaigns whose queue is kept.", "sender"),
		accepted: vec("sluice_accepted_recipients", "Recipients accepted in campaigns whose queue is kept.", "sender"),
		day:      vec("sluice_day_used_ratio", "What of a sender's messages of 24 hours is used up; of senders with such a limit.", "sender"),
		funnel:   vec("sluice_funnel_ratio", "What receipts say of those who are accepted, as a share of them.", "sender", "status"),
		halted:   vec("sluice_halted_campaigns", "Campaigns that have halted, by what it is about: the template, a restored Redis, something else.", "kind"),
		workers:  one("sluice_workers_alive", "Workers that give signs of life."),
		versions: one("sluice_worker_versions", "How many versions they are of."),
		memory:   one("sluice_redis_memory_ratio", "What Redis uses of its maxmemory; of a Cluster its fullest master."),
		refused:  one("sluice_redis_refused_commands", "Commands that Redis has refused since it started, for it was full, could not keep them or lacked its replica."),
		dead:     one("sluice_callbacks_undelivered", "Events that an endpoint was not told and is not told any more by itself."),
		overdue:  one("sluice_outbox_oldest_seconds", "For how long the event has been due that an endpoint is to be told of and has been due longest."),
		at:       one("sluice_figures_timestamp_seconds", "When these figures were last made."),
	}
}

// Run looks again and again, until ctx ends.
func (f *Figures) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		short, cancel := context.WithTimeout(ctx, within)
		if err := f.look(short); err != nil && ctx.Err() == nil {
			f.o.Log.Warn().Err(err).Msg("the fleet's figures are not made anew")
		}
		cancel()
		timer := time.NewTimer(max(every, rest*time.Since(began)))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look makes all figures anew.
func (f *Figures) look(ctx context.Context) error {
	for _, part := range []func(context.Context) error{f.lookAtSenders, f.lookAtWorkers, f.lookAtRedis, f.lookAtCallbacks} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	f.at.Set(float64(f.o.Now().UnixMilli()) / 1000)
	return nil
}

// A total is what the campaigns of a sender come to.
type total struct {
	backlog, doubt, accepted int
	receipts                 status.Receipts
}

// kinds are what halts are about.
func kinds() []string { return []string{"template", "restored", "other"} }

func kindOf(code string) string {
	switch {
	case strings.HasPrefix(code, "template"):
		return "template"
	case code == campaign.CodeRestored:
		return "restored"
	}
	return "other"
}

func (f *Figures) lookAtSenders(ctx context.Context) error {
	campaigns := campaign.NewStore(f.o.Redis, f.o.Now)
	source := status.Source{Redis: f.o.Redis, Ledger: ledger.New(f.o.Redis, f.o.Now), Campaigns: campaigns, Now: f.o.Now}
	active, err := campaigns.Active(ctx)
	if err != nil {
		return err
	}
	limits, err := f.o.Senders()
	if err != nil {
		return err
	}
	totals, halted := map[string]*total{}, map[string]int{}
	for name := range limits {
		totals[name] = &total{}
	}
	for _, b := range active {
		t := totals[b.Sender]
		if t == nil {
			continue // whose it is no label may say: it is not in the senders file
		}
		st, err := source.Get(ctx, b.ID)
		if err != nil {
			return err
		}
		t.add(st, waits(b, f.o.Now()))
		if b.State == campaign.Halted {
			rec, err := campaigns.Get(ctx, b.ID)
			if err != nil {
				return err
			}
			halted[kindOf(rec.Code)]++
		}
	}
	for _, kind := range kinds() {
		f.halted.WithLabelValues(kind).Set(float64(halted[kind]))
	}
	for _, v := range []*prometheus.GaugeVec{f.backlog, f.doubt, f.accepted, f.funnel, f.day} {
		v.Reset() // senders go, too
	}
	for name, t := range totals {
		f.tell(name, t)
		if limits[name] == 0 {
			continue
		}
		used, err := ratelimit.ReadUsed(ctx, f.o.Redis, name)
		if err != nil {
			return err
		}
		n := 0
		for _, u := range used {
			n += u.N
		}
		f.day.WithLabelValues(name).Set(float64(n) / float64(limits[name]))
	}
	return nil
}

// waits says whether a campaign could be sent now: one whose window is closed does not
// wait for anybody, and of a window in each recipient's own time nobody knows.
func waits(b campaign.Brief, now time.Time) bool {
	return b.State == campaign.Running && (b.Window == nil || b.Window.OfAll() && !b.Window.Next(now).After(now))
}

func (t *total) add(st *status.Status, waits bool) {
	if waits {
		t.backlog += st.Pending
	}
	t.doubt += st.InDoubt
	if r := st.Receipts; r != nil {
		t.accepted += st.Accepted
		t.receipts.Sent += r.Sent
		t.receipts.Delivered += r.Delivered
		t.receipts.Read += r.Read
		t.receipts.Undelivered += r.Undelivered
	}
}

func (f *Figures) tell(name string, t *total) {
	f.backlog.WithLabelValues(name).Set(float64(t.backlog))
	f.doubt.WithLabelValues(name).Set(float64(t.doubt))
	f.accepted.WithLabelValues(name).Set(float64(t.accepted))
	r, all := t.receipts, float64(max(t.accepted, 1))
	for what, n := range map[string]int{"sent": r.Sent, "delivered": r.Delivered, "read": r.Read, "undelivered": r.Undelivered} {
		f.funnel.WithLabelValues(name, what).Set(float64(n) / all)
	}
}

func (f *Figures) lookAtWorkers(ctx context.Context) error {
	fleet, err := ledger.New(f.o.Redis, f.o.Now).Fleet(ctx)
	if err != nil {
		return err
	}
	versions := map[string]bool{}
	for _, h := range fleet {
		versions[h.Version] = true
	}
	f.workers.Set(float64(len(fleet)))
	f.versions.Set(float64(len(versions)))
	return nil
}

func (f *Figures) lookAtCallbacks(ctx context.Context) error {
	endpoints, err := f.o.Outbox.List(ctx)
	if err != nil {
		return err
	}
	var dead int64
	for i := range endpoints {
		dead += endpoints[i].Dead
	}
	f.dead.Set(float64(dead))
	overdue, err := f.o.Outbox.Overdue(ctx)
	f.overdue.Set(overdue.Seconds())
	return err
}
