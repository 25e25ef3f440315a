package e2e

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/sandbox"
)

// A load posts receipts of recipients, of any status and in no order, and notes what
// was answered 200.
type load struct {
	w    *world
	url  string
	rows []exported

	mu       sync.Mutex
	best     map[string]int // by number: the rank of the highest status that was answered 200
	answered map[int]int    // by HTTP status; 0: no answer
	retry    bool           // each refusal said when to come again
}

func (w *world) load(addr, sender, id string) *load {
	w.t.Helper()
	l := &load{w: w, url: "http://" + addr + "/r/" + sender + "/" + receiptSecret, rows: w.export(id), best: map[string]int{}, answered: map[int]int{}, retry: true}
	for _, r := range l.rows {
		if r.State != "accepted" {
			w.t.Fatalf("%+v", r)
		}
	}
	return l
}

// run posts over many connections for as long as more says so, which is told how many
// were answered, and how many of them with 503.
func (l *load) run(more func(answered, refused int) bool) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var posting sync.WaitGroup
	for k := range 32 {
		posting.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(k), 7))
			for l.more(more) {
				r := l.rows[rnd.IntN(len(l.rows))]
				rank := []int{1, 3, 4}[rnd.IntN(3)]
				word := map[int]string{1: "sent", 3: "delivered", 4: "read"}[rank]
				body := fmt.Sprintf(`{"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q}],"note":%q}`,
					r.MessageID, word, time.Now().Unix(), r.Phone, strings.Repeat("x", 300))
				resp, err := client.Post(l.url, "application/json", strings.NewReader(body))
				status, retry := 0, ""
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status, retry = resp.StatusCode, resp.Header.Get("Retry-After")
				}
				l.note(r.Phone, rank, status, retry)
			}
		})
	}
	posting.Wait()
}

func (l *load) more(more func(answered, refused int) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, some := range l.answered {
		n += some
	}
	return more(n, l.answered[http.StatusServiceUnavailable])
}

func (l *load) note(phone string, rank, status int, retry string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered[status]++
	if status == http.StatusOK {
		l.best[phone] = max(l.best[phone], rank)
	} else if retry == "" {
		l.retry = false
	}
}

// judge waits until the funnel is what was answered 200, no more and no less.
func (l *load) judge(id string) {
	l.w.t.Helper()
	want := map[int]int{}
	for _, r := range l.rows {
		want[l.best[r.Phone]]++
	}
	await(l.w.t, "the funnel is what was answered 200", 2*time.Minute, func() bool {
		r := l.w.status(id).Receipts
		return r.Awaiting == want[0] && r.Sent == want[1] && r.Delivered == want[3] && r.Read == want[4] && r.Undelivered == 0 && r.Early == 0
	})
	rows, err := csv.NewReader(strings.NewReader(l.w.run0("producer", "export", id))).ReadAll()
	if err != nil {
		l.w.t.Fatal(err)
	}
	wrong := 0
	for _, r := range rows[1:] {
		if ranks[r[9]] != l.best[r[1]] {
			wrong++
		}
	}
	if wrong > 0 {
		l.w.t.Errorf("%d of %d recipients have another status than was answered 200", wrong, len(rows)-1)
	}
}

// sentBefore has a campaign sent whose recipients are all accepted, by a worker that is
// there no more.
func (w *world) sentBefore(id string, people int) {
	w.t.Helper()
	w.list(id+".csv", people)
	worker := w.start("worker")
	w.run0("producer", "send", w.nxCampaign(id, id+".csv", ""), "--no-preflight")
	w.awaitState(id, "finished", time.Minute)
	worker.stop(30 * time.Second)
}

// Redis is away for seconds under full load: no callback is refused, and afterwards
// all that was answered 200 is in, though the receiver was killed meanwhile.
func TestReceiptsUnderFullLoadWithoutRedis(t *testing.T) {
	t.Parallel()
	fullLoadWithoutRedis(t, 8*time.Second)
}

// fullLoadWithoutRedis has Redis be away for so long.
func fullLoadWithoutRedis(t *testing.T, long time.Duration) {
	t.Helper()
	w := newWorld(t)
	addr := w.receiving(sandbox.Callbacks{}, "")
	w.callbacks(sandbox.Callbacks{})
	w.sentBefore("nx", 1000)
	receiver := w.receiver(addr)
	l := w.load(addr, "promo-br", "nx")
	l.run(func(answered, _ int) bool { return answered < 1000 })
	w.redis.Kill(t)
	away := time.Now().Add(long)
	l.run(func(int, int) bool { return time.Now().Before(away) })
	t.Logf("answers by status: %v", l.answered)
	if l.answered[http.StatusOK] < 3000 || len(l.answered) != 1 {
		t.Errorf("answers by status: %v", l.answered)
	}
	receiver.kill()
	w.receiver(addr)
	w.redis.Start(t)
	back := time.Now().Add(time.Second)
	l.run(func(int, int) bool { return time.Now().Before(back) })
	l.judge("nx")
}

// The receiver's disk is full, or each of its files may have no more: callbacks are
// refused with 503 and the word to come again, and what was answered 200 before and
// between is in. The one needs a file system of its own, which not every machine lets
// one mount; the other goes everywhere.
func TestReceiptsOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		within         []string // what the receiver runs in
		taken, refused int
	}{
		"a small file system": {[]string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"`}, 1000, 500},
		"small files":         {[]string{"sh", "-c", `ulimit -f 400 && exec "$@"`}, 1000, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			addr := w.receiving(sandbox.Callbacks{}, "")
			w.callbacks(sandbox.Callbacks{})
			dir := filepath.Join(w.dir, "small")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			within := append(slices.Clone(tt.within), dir)
			if out, err := exec.Command(within[0], append(slices.Clone(within[1:]), "true")...).CombinedOutput(); err != nil {
				t.Skipf("%s cannot be had here, small files can: %v %s", name, err, out)
			}
			w.sentBefore("nx", 500)
			l := w.load(addr, "promo-br", "nx")
			w.redis.Kill(t) // nothing is applied, and so nothing could be taken from the disk
			w.launch("receiver", exec.Command(within[0], append(slices.Clone(within[1:]), filepath.Join(w.bin, "receiver"), "--addr", addr, "--dir", dir)...))
			await(t, "the receiver answers", time.Minute, func() bool {
				resp, err := http.Get(l.url)
				if err == nil {
					resp.Body.Close()
				}
				return err == nil
			})
			end := time.Now().Add(time.Minute)
			l.run(func(answered, refused int) bool {
				return (refused < tt.refused || answered-refused < tt.taken) && time.Now().Before(end)
			})
			if l.answered[http.StatusOK] < tt.taken || l.answered[http.StatusServiceUnavailable] < tt.refused || len(l.answered) != 2 || !l.retry {
				t.Errorf("answers by status: %v, each refusal with Retry-After: %v", l.answered, l.retry)
			}
			w.redis.Start(t)
			l.judge("nx")
		})
	}
}
