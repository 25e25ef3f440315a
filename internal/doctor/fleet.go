package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/campaign"
	"sluice/internal/jobs"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/schema"
)

// schema says whether this version can work with what Redis holds. An empty Redis
// stays as it is.
func (e *examination) schema(ctx context.Context) bool {
	const check = "redis.schema"
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	there := 0
	for _, key := range []string{keys.Schema(), keys.Campaigns(), keys.Active(), keys.Suppressed()} {
		n, err := e.redis.Exists(short, key).Result()
		if err != nil {
			e.rightsOf(err, check, "read "+key)
			return false
		}
		there += int(n)
	}
	if there == 0 {
		e.ok(check, "", "nothing was ever done on this Redis")
		return true
	}
	if err := schema.Check(short, e.redis); errors.Is(err, schema.ErrOther) {
		e.fail(check, "", err.Error(), "use the version of Sluice that wrote it, or another Redis database")
		return false
	} else if err != nil {
		e.rightsOf(err, check, "read the schema")
		return false
	}
	if prefix, err := e.redis.HGet(short, keys.Schema(), "queue_prefix").Result(); err == nil && prefix != e.QueuePrefix {
		e.fail("queue.prefix", "", fmt.Sprintf("the names of the queues begin with %q here, and %q was given", prefix, e.QueuePrefix), "give every program the same --queue-prefix (SLUICE_QUEUE_PREFIX)")
	}
	e.ok(check, "", fmt.Sprintf("schema %d", schema.Number))
	return true
}

// workers looks who is there to send.
func (e *examination) workers(ctx context.Context) {
	const check = "workers.alive"
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	led := ledger.New(e.redis, e.Now)
	fleet, err := led.Fleet(short)
	if err != nil {
		e.rightsOf(err, check, "read the workers' heartbeats")
		return
	}
	if len(fleet) == 0 {
		e.fail(check, "", "no worker is alive: nothing is sent", "start `worker` with the same --redis-url and --senders; its log says what keeps it from starting")
		return
	}
	e.ok(check, "", fmt.Sprintf("%d workers", len(fleet)))
	versions := map[string]bool{e.Version: true}
	for _, h := range fleet {
		versions[h.Version] = true
		for name, c := range h.Circuits {
			e.warn("workers.circuit", name, fmt.Sprintf("the provider does not answer worker %s (%s); it probes", h.Worker, c.Code), "wait, or ask the provider")
		}
		for name, until := range h.Paused {
			e.warn("workers.paused", name, "the provider asked for a pause until "+until.UTC().Format("15:04:05 MST"), "wait, or `producer resume ID --clear-pause`")
		}
	}
	if len(versions) > 1 {
		e.warn("workers.versions", "", "the workers and this program are of several versions: "+strings.Join(sorted(versions), ", "), "end the upgrade soon: new kinds of record wait until no old worker is left")
	} else {
		e.ok("workers.versions", "", e.Version)
	}
	e.missing(fleet)
}

// missing looks for senders of the senders file that no worker has.
func (e *examination) missing(fleet []ledger.Heartbeat) {
	senders, err := e.Providers.Load(e.Senders, e.Getenv)
	if err != nil {
		return // it is said elsewhere
	}
	for name := range senders {
		if !slices.ContainsFunc(fleet, func(h ledger.Heartbeat) bool { return slices.Contains(h.Senders, name) }) {
			e.fail("workers.senders", name, "no worker that is alive has this sender: its campaigns wait", "give the workers this senders file, then `kill -HUP` them")
		}
	}
}

// campaigns looks at those that are not over.
func (e *examination) campaigns(ctx context.Context) {
	const check = "campaigns"
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	active, err := campaign.NewStore(e.redis, e.Now).Active(short)
	if err != nil {
		e.rightsOf(err, check, "read the campaigns")
		return
	}
	names := map[string]bool{}
	for _, b := range active {
		names[b.ID] = true
		if b.State == campaign.Halted {
			e.warn(check, b.ID, "it has halted", "`producer status "+b.ID+"` says why, and what to do")
		}
	}
	e.ok(check, "", fmt.Sprintf("%d that are not over", len(active)))
	queues, err := e.redis.SMembers(short, keys.Queues()).Result()
	if err != nil {
		e.rightsOf(err, "queue.nobodys", "read "+keys.Queues())
		return
	}
	for _, q := range queues {
		id, ours := strings.CutPrefix(q, e.QueuePrefix)
		if !ours {
			continue
		}
		if n, err := e.redis.Exists(short, keys.Campaign(id)).Result(); err == nil && n == 0 {
			e.warn("queue.nobodys", q, "this queue is of no campaign that there is", "if no other program has queues that begin with "+jobs.DefaultPrefix+", delete it in `producer monitor --allow-changes`")
		}
	}
}

func sorted(set map[string]bool) []string {
	var all []string
	for s := range set {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}
