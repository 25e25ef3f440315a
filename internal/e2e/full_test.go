package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fill leaves Redis so many bytes beside what it uses, or takes some away; free
// ends that.
func (w *world) fill(left int) {
	w.t.Helper()
	rdb := w.redis.Client(w.t)
	m := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(rdb.Info(w.t.Context(), "memory").Val())
	used, err := strconv.Atoi(m[1])
	if err == nil {
		err = rdb.ConfigSet(w.t.Context(), "maxmemory", strconv.Itoa(used+left)).Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) free() {
	w.t.Helper()
	if err := w.redis.Client(w.t).ConfigSet(w.t.Context(), "maxmemory", "0").Err(); err != nil {
		w.t.Fatal(err)
	}
}

// Redis' memory is full for longer than the signs of life last: nothing more is
// submitted, no outcome is lost, and all goes on by itself once there is room.
func TestRedisIsFullUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--latency", "20ms")
	w.writeSenders(", messages_per_second: 800", "")
	w.start("worker")
	w.start("worker")
	if _, code := w.run("producer", "send", w.nxCampaign("full", w.list("f.csv", 6000), "")); code != 0 {
		t.Fatal("send failed")
	}
	w.awaitAccount("full", "under way", time.Minute, func(a account) bool { return a.Accepted > 500 })
	w.fill(-500_000)
	w.quietFor(7*time.Second, time.Minute)
	if a := w.status("full"); a.Rows != a.sum() || a.State != "running" || a.Pending == 0 {
		t.Errorf("%+v", a)
	}
	w.free()
	// A worker whose outcomes found no room may record the last of them after its
	// batch was taken over.
	w.awaitAccount("full", "finished with nobody in doubt", time.Minute, func(a account) bool {
		return a.State == "finished" && a.Accepted == 6000
	})
	w.judge("full")
	if out, code := w.run("producer", "verify", "full"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
}

// An import for which there is no room fails, says why, and goes on when it is
// repeated.
func TestImportIntoFullRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("room", w.list("r.csv", 50_000), "")
	for _, left := range []int{0, 600_000} {
		w.fill(left)
		before := len(w.logs.String())
		if _, code := w.run("producer", "send", file); code != 1 {
			t.Errorf("exit code %d with %d bytes left", code, left)
		}
		if said := w.logs.String()[before:]; !strings.Contains(said, "maxmemory") || strings.Contains(said, "55119") {
			t.Errorf("said %q", said)
		}
	}
	if a := w.status("room"); a.State != "importing" || a.Rows == 0 || a.Rows != a.sum() {
		t.Errorf("%+v", a)
	}
	w.free()
	w.start("worker")
	if _, code := w.run("producer", "send", file, "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(2000))
	}
	if a := w.status("room"); a.Accepted != 50_000 {
		t.Errorf("%+v", a)
	}
	w.judge("room")
}
