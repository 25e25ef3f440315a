package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// aclLines are the lines of docs/redis.md that make the user, each as the words
// of a command.
func aclLines(t *testing.T) [][]any {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]any
	for _, m := range regexp.MustCompile(`(?m)^ +(ACL SETUSER .*)$`).FindAllStringSubmatch(string(text), -1) {
		var words []any
		for _, word := range strings.Fields(m[1]) {
			words = append(words, strings.ReplaceAll(word, "PASSWORD", "a-password"))
		}
		lines = append(lines, words)
	}
	if len(lines) != 2 {
		t.Fatalf("docs/redis.md has %d lines ACL SETUSER", len(lines))
	}
	return lines
}

// A whole campaign's life as the user of docs/redis.md: everything works, nothing
// is denied but what the document says, and nothing is logged for that.
func TestRedisUserOfTheRecipe(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]string{"as it is": "", "without INFO": "+info"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			line := aclLines(t)[0]
			if without != "" {
				line = line[:len(line)-1]
			}
			if err := w.rdb.Do(t.Context(), line...).Err(); err != nil {
				t.Fatal(err)
			}
			w.liveAs("redis://sluice:a-password@" + w.redis.Addr + "/0")
			w.denied(strings.TrimPrefix(without, "+"))
			warned := strings.Contains(w.logs.String(), "the server does not tell its settings")
			if warned != (without != "") {
				t.Errorf("warned that settings are not told: %t", warned)
			}
		})
	}
}

func TestRedisUserOfTheRecipeOnACluster(t *testing.T) {
	t.Parallel()
	bus, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(bus.Addr().String())
	bus.Close()
	w := newWorldWith(t, []string{"--cluster-enabled", "yes", "--cluster-port", port})
	if err := w.rdb.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(w.rdb.ClusterInfo(t.Context()).Val(), "cluster_state:ok"); {
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
	for _, line := range aclLines(t) {
		if err := w.rdb.Do(t.Context(), line...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w.liveAs("redis-cluster://sluice:a-password@" + w.redis.Addr)
	w.denied()
}

// liveAs runs two campaigns by all commands, with workers that keep rows for
// seconds, at an address.
func (w *world) liveAs(url string) {
	w.t.Helper()
	w.env = append(w.env, "SLUICE_REDIS_URL="+url)
	must := func(args ...string) {
		w.t.Helper()
		if out, code := w.run("producer", args...); code != 0 {
			w.t.Errorf("%v: exit code %d\n%s%s", args, code, out, w.logs.tail(1000))
		}
	}
	w.writeSenders(", messages_per_second: 1000, messages_per_day: 100000", ", messages_per_second: 1000")
	w.start("worker", "--linger", "1s", "--keep", "10s", "--hand-back", "1s")
	must("suppress", "add", "+"+phone(1))
	must("send", w.nxCampaign("first", w.list("a.csv", 3000), ""))
	must("send", w.innoCampaign("second", w.list("b.csv", 500), ""))
	must("pause", "first")
	must("suppress", "add", "+"+phone(2999))
	must("suppress", "list")
	must("resume", "first")
	must("set", "first", "--rate", "900")
	must("status", "first", "--json")
	must("list")
	must("find", phone(3))
	must("verify", "first")
	must("token", "create", "crm", "--scopes", "read")
	must("audit")
	p := w.start("producer", "monitor", "--addr", "127.0.0.1:0")
	addr := regexp.MustCompile(`http://\S+`).FindString(p.awaitLine(regexp.MustCompile(`http://`)))
	for _, path := range []string{"/api/queues", "/api/servers"} {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, addr+path, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			w.t.Errorf("%s: HTTP %d %s", path, resp.StatusCode, body)
		}
	}
	w.awaitState("second", "finished", time.Minute)
	must("resolve", "second", "--in-doubt", "accept")
	must("export", "second")
	w.awaitState("first", "finished", time.Minute)
	must("send", w.nxCampaign("third", "b.csv", "start_at: 2036-01-01T00:00:00Z"))
	must("cancel", "third")
	for _, id := range []string{"first", "second", "third"} {
		w.awaitLog(`"campaign":"`+id+`","keep":`, time.Minute) // its queue is deleted
	}
}

// denied wants that Redis denied the user no other commands, and that no program
// logged a thing for it.
func (w *world) denied(but ...string) {
	w.t.Helper()
	denials, err := w.rdb.Do(w.t.Context(), "ACL", "LOG", "1000").Slice()
	if err != nil {
		w.t.Fatal(err)
	}
	known := " " + strings.Join(but, " ") + " "
	for _, d := range denials {
		entry, ok := d.(map[any]any)
		if object, _ := entry["object"].(string); !ok || !strings.Contains(known, " "+object+" ") {
			w.t.Errorf("denied: %v %v", entry["reason"], entry["object"])
		}
	}
	for line := range strings.Lines(w.logs.String()) {
		told := strings.Contains(line, "does not tell") || strings.HasPrefix(line, "aof_enabled: ")
		if !told && (strings.Contains(line, "NOPERM") || strings.Contains(line, `"level":"error"`) || strings.Contains(line, `"level":"warn"`)) {
			w.t.Errorf("logged: %s", line)
		}
	}
}
