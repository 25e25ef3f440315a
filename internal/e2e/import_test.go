package e2e

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An openImport is a producer whose list comes through a pipe.
type openImport struct {
	*process
	pipe *os.File
	rest string // of the list, not given yet
}

// openImport starts an import and gives it the first lines of a list.
func (w *world) openImport(name, file, list string, lines int) *openImport {
	w.t.Helper()
	path, f := w.pipe(name)
	im := &openImport{process: w.start("producer", "send", file, "--recipients", path), pipe: f}
	text := readFile(w.t, filepath.Join(w.dir, list))
	at := 0
	for range lines {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	im.rest = text[at:]
	if _, err := io.WriteString(f, text[:at]); err != nil {
		w.t.Fatal(err)
	}
	return im
}

// giveRest gives the rest of the list and its end, and returns the exit code.
func (im *openImport) giveRest() int {
	im.t.Helper()
	go func() {
		io.WriteString(im.pipe, im.rest) // it may not be read to its end
		im.pipe.Close()
	}()
	select {
	case <-im.done:
	case <-time.After(time.Minute):
		im.t.Fatalf("the import did not end\n%s", im.out.String())
	}
	return im.cmd.ProcessState.ExitCode()
}

func (w *world) awaitStaged(id string, batches int64) {
	w.t.Helper()
	w.await("staged", time.Minute, func() bool {
		return w.rdb.HLen(context.Background(), "sluice:{"+id+"}:batches").Val() >= batches
	})
}

// A producer streams a list under an id while another finishes one: only who is in
// the launched list is sent to. The first exits with 2 if its list is another one,
// wherever the two part, and with 0 if it is the same.
func TestRefusedListIsNotSent(t *testing.T) {
	t.Parallel()
	for id, rows := range map[string]int{"whole-batches": 9000, "within-a-batch": 9300, "the-same": 16_000} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			file := w.nxCampaign(id, w.list("long.csv", 16_000), "")
			w.list("short.csv", rows)
			first := w.openImport("list", file, "long.csv", 6501)
			w.awaitStaged(id, 5)
			if _, code := w.run("producer", "send", file, "--recipients", "short.csv"); code != 0 {
				t.Fatalf("the second: exit code %d\n%s", code, w.logs.tail(2000))
			}
			want := 2
			if rows == 16_000 {
				want = 0
			}
			if code := first.giveRest(); code != want {
				t.Errorf("the first: exit code %d\n%s", code, w.logs.tail(2000))
			}
			w.start("worker")
			if a := w.awaitState(id, "finished", time.Minute); a.Rows != rows || a.Accepted != rows {
				t.Errorf("%+v", a)
			}
			w.judge(id)
			if n := len(w.taken()); n != rows {
				t.Errorf("%d people were sent to, and the launched list has %d", n, rows)
			}
		})
	}
}

// A run that another has superseded goes on where it was if that one is killed, or
// is refused for its list.
func TestImportGoesOnAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list("long.csv", 8000)
	w.listFrom("other.csv", 50_000, 8000)
	refused := w.nxCampaign("refused", "long.csv", "")
	first := w.openImport("first", refused, "long.csv", 4501)
	w.awaitStaged("refused", 3)
	if _, code := w.run("producer", "send", refused, "--recipients", "other.csv"); code != 2 {
		t.Errorf("another list: exit code %d\n%s", code, w.logs.tail(2000))
	}
	killed := w.nxCampaign("killed", "long.csv", "")
	one := w.openImport("one", killed, "long.csv", 4501)
	w.awaitStaged("killed", 3)
	two := w.openImport("two", killed, "long.csv", 6501)
	w.awaitStaged("killed", 5)
	two.kill()
	for name, im := range map[string]*openImport{"refused": first, "killed": one} {
		if code := im.giveRest(); code != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, w.logs.tail(2000))
		}
	}
	if a := w.status("refused"); a.Rows != 8000 || a.State != "running" {
		t.Errorf("%+v", a)
	}
	if out, code := w.run("producer", "verify", "killed"); code != 0 {
		t.Errorf("verify: %d\n%s", code, out)
	}
}

// An import that is cancelled stages no more, and what it staged expires with the
// rest.
func TestCancelledImportLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.nxCampaign("stopped", w.list("long.csv", 10_000), "")
	im := w.openImport("list", file, "long.csv", 4501)
	w.awaitStaged("stopped", 3)
	if _, code := w.run("producer", "cancel", "stopped"); code != 0 {
		t.Fatalf("cancel: exit code %d", code)
	}
	w.start("worker", "--linger", "1ms", "--keep", "1h")
	w.await("retired", time.Minute, func() bool { return len(w.rdb.SMembers(t.Context(), "sluice:active").Val()) == 0 })
	if code := im.giveRest(); code != 1 {
		t.Errorf("exit code %d\n%s", code, w.logs.tail(2000))
	}
	for _, key := range w.rdb.Keys(t.Context(), "sluice:{stopped}:*").Val() {
		most := time.Hour
		if key == "sluice:{stopped}:events" {
			most = 30 * 24 * time.Hour // from the last on
		}
		if left := w.rdb.TTL(t.Context(), key).Val(); left <= 0 || left > most {
			t.Errorf("%s expires in %s", key, left)
		}
	}
	if keys := w.rdb.Keys(t.Context(), "asynq:{*stopped}*").Val(); len(keys) > 0 {
		t.Errorf("enqueued: %v", keys)
	}
}
