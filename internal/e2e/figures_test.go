package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	usedFigure = regexp.MustCompile(`(sluice_[a-z_]+)(\{[^}]*\})?`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|without) \(([a-z_, ]*)\)`)
	ruleExpr   = regexp.MustCompile(`(?m)^ +expr: '(.*)'$`)
	label      = regexp.MustCompile(`([a-z_]+)="`)
)

// expressions are those of the rules and the dashboards.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	read := func(name string) []byte {
		text, err := os.ReadFile("../../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, m := range ruleExpr.FindAllStringSubmatch(string(read("prometheus/sluice.rules.yml")), -1) {
		all = append(all, m[1])
	}
	for _, name := range []string{"fleet", "sender"} {
		var board struct {
			Panels []struct{ Targets []struct{ Expr string } }
		}
		if err := json.Unmarshal(read("grafana/dashboards/"+name+".json"), &board); err != nil {
			t.Fatal(err)
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				all = append(all, target.Expr)
			}
		}
	}
	if len(all) < 50 {
		t.Fatalf("%d expressions: the patterns find too few", len(all))
	}
	return all
}

// Every figure that a rule or a dashboard asks for is at the /metrics of a real worker,
// serve or receiver, with the labels that it is asked by.
func TestRulesAndDashboardsFindTheirFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.writeSenders(", messages_per_day: 100000", "")
	w.sendersWith("timeout: 5s", "timeout: 5s\n    receipts: {secret: a-secret-of-some-length}")
	w.start("worker", "--metrics-addr", "127.0.0.1:0")
	text := ""
	at := []string{w.served()}
	for _, program := range [][]string{
		{"producer", "serve", "--addr", "127.0.0.1:0", "--log-format", "json"},
		{"receiver", "--addr", "127.0.0.1:0", "--dir", t.TempDir()},
	} {
		from := strings.Count(w.logs.String(), `"serving metrics"`)
		p := w.start(program[0], append(program[1:], "--metrics-addr", "127.0.0.1:0")...)
		w.await("metrics are served", time.Minute, func() bool { return strings.Count(w.logs.String(), `"serving metrics"`) > from })
		m := serving.FindAllStringSubmatch(w.logs.String(), -1)
		at = append(at, "http://"+m[len(m)-1][1])
		switch program[0] {
		case "producer":
			line := p.awaitLine(regexp.MustCompile(`http://127\.0\.0\.1:\d+`))
			w.get(regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line) + "/healthz")
		case "receiver":
			w.awaitLog("receiver ready", time.Minute)
			w.callBack(t)
		}
	}
	if _, code := w.run("producer", "send", w.nxCampaign("figures", w.list("f.csv", 20), ""), "--wait"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, w.logs.tail(4000))
	}
	w.await("the fleet's figures", 2*time.Minute, func() bool {
		text = ""
		for _, a := range at {
			_, body := w.get(a + "/metrics")
			text += body
		}
		return strings.Contains(text, `sluice_accepted_recipients{sender="promo-br"} 20`) && strings.Contains(text, "sluice_workers_alive 1") &&
			strings.Contains(text, "sluice_receipts_located_total{")
	})
	for _, problem := range unknownFigures(expressions(t), text) {
		t.Error(problem)
	}
	if strings.Contains(text, "figures\"") || strings.Contains(text, phone(0)) {
		t.Error("a campaign or a number is a label")
	}
	// The check itself: what is not there is found to be missing.
	for _, wrong := range []string{`rate(sluice_no_such_total[5m])`, `sum by (campaign) (sluice_backlog_recipients)`, `sluice_backlog_recipients{campaign="x"}`} {
		if len(unknownFigures([]string{wrong}, text)) == 0 {
			t.Errorf("%s is not found to be wrong", wrong)
		}
	}
}

var receiving = regexp.MustCompile(`"addr":"([0-9.:]+)"[^\n]*"receiver ready"`)

// callBack has the receiver take one callback that is unsigned and says nothing.
func (w *world) callBack(t *testing.T) {
	t.Helper()
	m := receiving.FindStringSubmatch(w.logs.String())
	if m == nil {
		t.Fatalf("the receiver does not say where it is\n%s", w.logs.tail(2000))
	}
	resp, err := http.Post("http://"+m[1]+"/r/promo-br/a-secret-of-some-length", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the callback is answered %d", resp.StatusCode)
	}
}

// unknownFigures says which figures and labels of expressions are not in a text of
// /metrics.
func unknownFigures(expressions []string, text string) (problems []string) {
	labels := map[string][]string{} // by figure
	for line := range strings.Lines(text) {
		if m := usedFigure.FindStringSubmatch(line); m != nil && strings.HasPrefix(line, "sluice_") {
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				labels[m[1]] = append(labels[m[1]], l[1])
			}
			labels[m[1]] = append(labels[m[1]], "instance", "job") // Prometheus' own
		}
	}
	for _, expr := range expressions {
		var there []string
		for _, m := range usedFigure.FindAllStringSubmatch(expr, -1) {
			known, ok := labels[m[1]]
			if !ok {
				problems = append(problems, fmt.Sprintf("no program has %s, which %q asks for", m[1], expr))
				continue
			}
			there = append(there, known...)
			for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(known, l[1]) {
					problems = append(problems, fmt.Sprintf("%s has no label %s, which %q asks for", m[1], l[1], expr))
				}
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
			for l := range strings.SplitSeq(g[1], ",") {
				if l = strings.TrimSpace(l); l != "" && l != "le" && !slices.Contains(there, l) {
					problems = append(problems, fmt.Sprintf("nothing in %q has the label %s", expr, l))
				}
			}
		}
	}
	return problems
}
