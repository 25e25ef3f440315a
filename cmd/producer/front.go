package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/desk"
	"sluice/internal/page"
	"sluice/internal/sender"
)

// front hands what is the API's to it, and the rest to the page.
func front(api, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, path := range []string{"/v1/", "/problems/"} {
			if strings.HasPrefix(r.URL.Path, path) {
				api.ServeHTTP(w, r)
				return
			}
		}
		switch r.URL.Path {
		case "/v1", "/healthz", "/readyz", "/openapi.json":
			api.ServeHTTP(w, r)
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// queue is the queue's web UI as the page shows it.
func (a *app) queue(readOnly bool) http.Handler {
	return asynqmon.New(asynqmon.Options{RootPath: page.QueuePath, RedisConnOpt: shared{a.redis}, ReadOnly: readOnly})
}

const (
	// seriesEvery is how far the points of the charts are apart at least.
	seriesEvery = 10 * time.Second
	// noticeEvery is how often it is looked for campaigns that are to be looked at.
	noticeEvery = time.Second
)

// keepSeries keeps how campaigns go over time until ctx ends. Of several processes one
// does.
func keepSeries(ctx context.Context, d *desk.Desk, log zerolog.Logger) {
	owner := rand.Text()
	each(ctx, seriesEvery, log, "could not keep how campaigns go; the charts have a gap", func() error {
		return d.KeepSeries(ctx, owner, seriesEvery)
	})
}

// notice has what callbacks tell that no move tells, until ctx ends. Several processes
// share the looks.
func notice(ctx context.Context, d *desk.Desk, log zerolog.Logger) {
	each(ctx, noticeEvery, log, "could not look at campaigns that programs are told of; they are told later", func() error {
		return d.Watch(ctx)
	})
}

// each does something now and each so often until ctx ends, and warns where it fails.
func each(ctx context.Context, every time.Duration, log zerolog.Logger, warning string, do func() error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := do(); err != nil && ctx.Err() == nil {
			log.Warn().Err(err).Msg(warning)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// templatesOf are the templates of a sender's account, where they can be asked for.
func (a *app) templatesOf(ctx context.Context, name string) ([]sender.ListedTemplate, bool, error) {
	senders, err := a.providers.Load(a.Senders, a.getenv)
	if err != nil {
		return nil, false, err
	}
	s, err := senders.Get(name)
	if err != nil {
		return nil, false, err
	}
	p, err := a.providers.Open(s, a.now)
	if err != nil {
		return nil, false, err
	}
	defer accounts.Close(p)
	lister, ok := p.(sender.TemplateLister)
	if !ok {
		return nil, false, nil
	}
	all, err := lister.Templates(ctx, "")
	return all, true, err
}
