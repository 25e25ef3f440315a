package worker

import (
	"context"
	"time"

	"sluice/internal/campaign"
)

const (
	// stepEvery is how often a worker goes through its campaigns in its memory, for
	// what time alone brings about. Whatever else happens wakes it.
	stepEvery = 250 * time.Millisecond
	// reconcileEvery is how often it reads the states of all campaigns, for changes
	// that it was not told of. The ledger refuses intents of a campaign that does not
	// run at once, whatever a worker knows.
	reconcileEvery = 5 * time.Second
	// heedPausesEvery is how often it looks whether a queue was paused that is served
	// here, and has queues agree with campaigns that have changed.
	heedPausesEvery = time.Second
)

// A supervised campaign is one that is not retired, as this worker last saw it.
type supervised struct {
	brief  campaign.Brief
	server *server // nil: it is not sent here
	ended  bool    // it was, and what stands as claimed by this worker is to be given back

	due       bool
	checkedAt time.Time // of Redis' clock, for due
	checkAt   time.Time // when it may become due, or no longer be; zero: now

	lookAt        time.Time // when its queue is to be looked at
	urgent        bool      // and before all others: somebody has just changed it
	emptySince    time.Time // its queue has been seen empty since then; zero: it was not
	brokenUntil   time.Time // it cannot be sent here, and is not tried again until then
	retryRetireAt time.Time // it could not be retired
	agreedAt      time.Time // when its queue was last made to agree with it
	settled       bool      // it is over, and nothing of it is in flight

	active    int // tasks that servers have in their hands, when last looked at
	ownersAt  time.Time
	leasesAt  time.Time
	leases    map[string]lease // of tasks by name, as last seen
	forgotten bool             // it is none of the active ones any more
}

// supervise sends campaigns as they become due, until ctx ends.
func (w *Worker) supervise(ctx context.Context) {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	recovery := time.NewTicker(recoverEvery)
	defer recovery.Stop()
	missing := time.NewTicker(missEvery)
	defer missing.Stop()
	pauses := time.NewTicker(heedPausesEvery)
	defer pauses.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wakes.C:
			w.step(ctx)
		case <-tick.C:
			w.step(ctx)
			w.tell()
		case <-missing.C:
			w.miss(ctx)
		case <-recovery.C:
			w.recover(ctx)
		case <-pauses.C:
			w.agreeWithQueues(ctx)
		}
	}
}

// tell tells others what this worker does, and the figures of all campaigns and
// senders.
func (w *Worker) tell() {
	w.describe()
	w.metrics.campaigns(w.campaigns)
	for name, a := range w.accounts {
		w.metrics.pace(name, a.Pace.Factor(), a.Pace.PausedUntil())
	}
}

// step brings what runs here to what is due.
func (w *Worker) step(ctx context.Context) {
	if err := w.read(ctx); err != nil {
		w.redisFailed(ctx, "", err)
		return
	}
	now := w.now()
	for id, c := range w.campaigns {
		if c.server != nil && c.server.ended() {
			c.server, c.lookAt, c.agreedAt, c.ended = nil, time.Time{}, time.Time{}, true
		}
		w.giveBack(ctx, c)
		if c.forgotten && c.server == nil {
			if c.brief.State.Over() { // else Redis has forgotten it
				w.Ledger.Forget(id)
			}
			delete(w.campaigns, id)
			continue
		}
		if !now.Before(c.checkAt) || now.Before(c.checkedAt) {
			c.checkedAt = now
			c.due, c.checkAt = w.check(ctx, c.brief, now)
		}
		if s := c.server; s != nil && (w.ends(c, now) || s.dispatcherStopped() || s.outdated() || s.revision != c.brief.Revision) {
			s.stopSoon()
		}
		switch over := c.brief.State.Over(); {
		case over:
			w.retire(ctx, c, now)
		case c.brief.Expiring: // whoever reopened it did not come so far
			err := w.recovery.Reopen(ctx, id)
			if err != nil {
				w.redisFailed(ctx, id, err)
			}
			c.brief.Expiring = err != nil
		}
	}
	w.closeOutdated()
	w.tend(ctx)
}

// giveBack releases what still stands as claimed by this worker of a campaign that has
// just stopped here, for Redis may have been away. While this worker lives nobody else
// would take it, and the campaign's account would never be final.
func (w *Worker) giveBack(ctx context.Context, c *supervised) {
	if !c.ended || c.server != nil || time.Since(w.redisFailedAt) < time.Second {
		return
	}
	if err := w.Ledger.ReleaseAll(ctx, c.brief.ID, w.ID); err != nil {
		w.redisFailed(ctx, c.brief.ID, err)
		return
	}
	c.ended = false
}

// ends says that a campaign is no longer sent here. One that has just finished has
// its queue served for a moment more: what the queue hands out again is found done,
// and stays in nobody's sight as waiting.
func (w *Worker) ends(c *supervised, now time.Time) bool {
	return !c.due && (c.brief.State != campaign.Finished || now.Sub(c.brief.MovedAt) > stepEvery)
}

// read brings what is known of the campaigns up to date: of those that were woken,
// and now and then of all. The version of the suppression list comes after their
// states: whoever is put on it and then resumes a campaign can rely on it.
func (w *Worker) read(ctx context.Context) error {
	ids, all := w.wakes.take()
	for _, id := range ids {
		if c := w.campaigns[id]; c != nil {
			c.lookAt = time.Time{}
		}
	}
	var err error
	if all || time.Since(w.reconciledAt) >= reconcileEvery {
		err = w.reconcile(ctx)
	} else {
		var briefs []campaign.Brief
		briefs, err = w.Campaigns.Briefs(ctx, ids...)
		for _, b := range briefs {
			if c, changed := w.saw(b); changed {
				c.urgent = true
			}
		}
	}
	if err == nil && w.Suppressed != nil {
		var version int64
		if version, err = w.Suppressed.Version(ctx); err == nil {
			w.suppressionVersion.Store(version)
		}
	}
	if err != nil {
		w.reconciledAt = time.Time{} // what was to be read is read with the next step
	}
	return err
}

// reconcile reads the states of all campaigns.
func (w *Worker) reconcile(ctx context.Context) error {
	active, err := w.Campaigns.Active(ctx)
	if err != nil {
		return err
	}
	w.reconciledAt = time.Now()
	seen := make(map[string]bool, len(active))
	for _, b := range active {
		seen[b.ID] = true
		w.saw(b)
	}
	for id, c := range w.campaigns {
		if !seen[id] {
			c.forgotten, c.due, c.checkAt = true, false, never()
		}
	}
	return nil
}

// saw takes in a campaign as it is now, and says whether that is another way than
// before.
func (w *Worker) saw(b campaign.Brief) (c *supervised, changed bool) {
	c = w.campaigns[b.ID]
	if c == nil {
		c = &supervised{}
		w.campaigns[b.ID] = c
	}
	if !c.forgotten && c.brief.Equal(b) {
		return c, false
	}
	set := b.Set != c.brief.Set
	c.forgotten, c.settled = false, false
	c.brief, c.checkAt, c.lookAt, c.ownersAt, c.agreedAt = b, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if set {
		w.apply(c)
	}
	return c, true
}

// never is later than any time that is waited for.
func never() time.Time { return time.Unix(1<<40, 0) }

// check says whether a campaign is to be sent now, and when that may change with
// time alone. It starts one whose time has come.
func (w *Worker) check(ctx context.Context, b campaign.Brief, now time.Time) (due bool, again time.Time) {
	switch b.State {
	case campaign.Running:
		if !b.Window.OfAll() {
			return true, never()
		}
		if opens := b.Window.Next(now); opens.After(now) {
			return false, opens
		}
		return true, now.Truncate(time.Minute).Add(time.Minute) // windows go by minutes
	case campaign.Scheduled:
		if b.StartAt.After(now) {
			return false, b.StartAt
		}
		if _, err := w.Campaigns.Start(ctx, b.ID); err != nil {
			w.Log.Warn().Err(err).Str("campaign", b.ID).Msg("could not start the scheduled campaign")
			return false, now.Add(time.Second)
		}
		w.wakes.add(b.ID)
		return false, never()
	case campaign.Draft, campaign.Importing, campaign.Paused, campaign.Halted, campaign.Finished, campaign.Cancelled:
	}
	return false, never()
}

// stopAll stops every server at once and waits for them.
func (w *Worker) stopAll() {
	for _, c := range w.campaigns {
		if c.server != nil {
			c.server.stopSoon()
		}
	}
	for _, c := range w.campaigns {
		if c.server != nil {
			<-c.server.gone
		}
	}
	for _, a := range w.accounts {
		a.sender.Close()
	}
}
