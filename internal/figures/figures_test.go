package figures

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/outbox"
	"sluice/internal/redistest"
	"sluice/internal/status"
)

// A sender that leaves the senders file takes its series with it, and whose campaign is
// of no sender of the file has none.
func TestFleet(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := server.Client(t)
	ctx := t.Context()
	senders := map[string]int{"br": 100, "id": 0}
	reg := prometheus.NewRegistry()
	f := New(reg, Options{
		Redis: rdb, Senders: func() (map[string]int, error) { return senders, nil },
		Outbox: outbox.NewStore(rdb, time.Now), Now: time.Now, Log: zerolog.Nop(),
	})
	for id, fields := range map[string][]any{
		"c1": {"state", "halted", "sender", "br", "code", "template_paused", "file", "{}"},
		"c2": {"state", "halted", "sender", "br", "code", campaign.CodeRestored, "file", "{}"},
		"c3": {"state", "halted", "sender", "gone", "code", "1004", "file", "{}"},
	} {
		rdb.SAdd(ctx, keys.Active(), id)
		rdb.HSet(ctx, keys.Campaign(id), fields...)
	}
	led := ledger.New(rdb, time.Now)
	for worker, version := range map[string]string{"w1": "v1", "w2": "v2"} {
		if _, err := led.Beat(ctx, ledger.Heartbeat{Worker: worker, Version: version}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	rdb.ConfigSet(ctx, "maxmemory", "1mb")
	if err := rdb.Set(ctx, "x", "y", 0).Err(); err == nil {
		t.Fatal("it is not full")
	}
	rdb.ConfigSet(ctx, "maxmemory", "100mb")
	if err := f.look(ctx); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		got  float64
		want float64
	}{
		{"halted by the template", testutil.ToFloat64(f.halted.WithLabelValues("template")), 1},
		{"halted by a restore", testutil.ToFloat64(f.halted.WithLabelValues("restored")), 1},
		{"halted otherwise", testutil.ToFloat64(f.halted.WithLabelValues("other")), 0},
		{"workers", testutil.ToFloat64(f.workers), 2},
		{"versions", testutil.ToFloat64(f.versions), 2},
		{"refused", testutil.ToFloat64(f.refused), 1},
		{"senders", float64(testutil.CollectAndCount(f.backlog)), 2},
		{"days", float64(testutil.CollectAndCount(f.day)), 1},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %g, and not %g", tt.name, tt.got, tt.want)
		}
	}
	if m := testutil.ToFloat64(f.memory); m <= 0 || m > 0.5 {
		t.Errorf("memory: %g", m)
	}
	delete(senders, "br")
	if err := f.look(ctx); err != nil || testutil.CollectAndCount(f.backlog) != 1 || testutil.CollectAndCount(f.day) != 0 {
		t.Errorf("%v; the sender is still there", err)
	}
	server.Kill(t)
	if err := f.look(ctx); err == nil {
		t.Error("looked, and there is no Redis")
	}
}

// Who waits is who could be sent to now.
func TestWaits(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	window := func(from, to, zone string) *campaign.Window {
		return &campaign.Window{From: from, To: to, Timezone: zone}
	}
	for _, tt := range []struct {
		brief campaign.Brief
		want  int
	}{
		{campaign.Brief{State: campaign.Running}, 7},
		{campaign.Brief{State: campaign.Paused}, 0},
		{campaign.Brief{State: campaign.Running, Window: window("09:00", "18:00", "UTC")}, 7},
		{campaign.Brief{State: campaign.Running, Window: window("13:00", "18:00", "UTC")}, 0},
		{campaign.Brief{State: campaign.Running, Window: window("09:00", "18:00", campaign.RecipientZone)}, 0},
	} {
		var sum total
		sum.add(&status.Status{Pending: 7, InDoubt: 2, Accepted: 10, Receipts: &status.Receipts{Read: 4, Undelivered: 1}}, waits(tt.brief, noon))
		if sum.backlog != tt.want || sum.doubt != 2 || sum.accepted != 10 || sum.receipts.Undelivered != 1 {
			t.Errorf("%+v: %+v", tt.brief, sum)
		}
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	info := strings.ReplaceAll("used_memory:50\nmaxmemory:0\ntotal_system_memory:200\nerrorstat_OOM:count=3\nerrorstat_NOREPLICAS:count=2\nerrorstat_NOPERM:count=9\n", "\n", "\r\n")
	if m, r := memoryOf(info), refusedOf(info); m != 0.25 || r != 5 {
		t.Errorf("%g, %g", m, r)
	}
}
