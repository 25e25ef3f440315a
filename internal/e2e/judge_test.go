package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// report is the sandbox' word on what arrived.
type report struct {
	Requests, Taken, Duplicates, Violations, Messages int
	DuplicateExamples                                 []string       `json:"duplicate_examples"`
	ViolationExamples                                 []string       `json:"violation_examples"`
	MaxPerSecond                                      int            `json:"max_per_second"`
	MaxRequestsPerSecond                              int            `json:"max_requests_per_second"`
	AveragePerSecond                                  float64        `json:"average_per_second"`
	FirstUS                                           int64          `json:"first_us"`
	LastUS                                            int64          `json:"last_us"`
	Codes                                             map[string]int `json:"codes"`
	CutBefore                                         int            `json:"cut_before"`
}

func (w *world) report() report {
	w.t.Helper()
	var r report
	w.getJSON("/_sandbox/report", &r)
	return r
}

// awaitReport waits until the sandbox' report is as wanted.
func (w *world) awaitReport(what string, within time.Duration, ok func(report) bool) report {
	w.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		r := w.report()
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not come within %s: %+v", what, within, r)
		}
		<-tick.C
	}
}

// entry is one recipient's submission in the sandbox' log.
type entry struct {
	AtUS      int64 `json:"at_us"`
	Provider  string
	Phone     string
	Taken     bool
	MessageID string `json:"message_id"`
	Code      string
}

func (w *world) log() []entry {
	w.t.Helper()
	resp, err := http.Get(w.sandbox + "/_sandbox/log")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []entry
	s := bufio.NewScanner(resp.Body)
	for s.Scan() {
		var e entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := s.Err(); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// taken are the recipients that the sandbox has taken.
func (w *world) taken() map[string]bool {
	w.t.Helper()
	taken := map[string]bool{}
	for _, e := range w.log() {
		if e.Taken {
			taken[e.Phone] = true
		}
	}
	return taken
}

// post steers the sandbox.
func (w *world) post(path, body string) {
	w.t.Helper()
	resp, err := http.Post(w.sandbox+path, "application/yaml", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", path, resp.Status)
	}
}

// judge compares the sandbox' log with the account and the export of campaigns
// that between them are all that was ever sent: nobody was taken twice, whoever
// is accepted was taken under that message_id, whoever was taken is accepted or
// in doubt, and every row stands in the export once, in order.
func (w *world) judge(ids ...string) {
	w.t.Helper()
	if r := w.report(); r.Duplicates > 0 || r.Violations > 0 {
		w.t.Errorf("the sandbox saw %d recipients taken twice %v and %d violations %v", r.Duplicates, r.DuplicateExamples, r.Violations, r.ViolationExamples)
	}
	w.judgeRows(ids...)
}

// judgeRows is judge, but for who was taken twice.
func (w *world) judgeRows(ids ...string) {
	w.t.Helper()
	took := map[string]map[string]bool{} // message_ids by phone
	for _, e := range w.log() {
		if e.Taken {
			if took[e.Phone] == nil {
				took[e.Phone] = map[string]bool{}
			}
			took[e.Phone][e.MessageID] = true
		}
	}
	seen := map[string]bool{}
	for _, id := range ids {
		a := w.status(id)
		counts := map[string]int{}
		rows := w.export(id)
		for _, row := range rows {
			counts[row.State]++
			switch row.State {
			case "accepted":
				seen[row.Phone] = true
				if !took[row.Phone][row.MessageID] {
					w.t.Fatalf("%s row %d is accepted with a message_id that the sandbox never gave", id, row.Row)
				}
			case "in_doubt":
				seen[row.Phone] = true
			}
		}
		if len(rows) != a.Rows || a.Rows != a.sum() {
			w.t.Errorf("%s: %d rows, %d exported, states sum to %d", id, a.Rows, len(rows), a.sum())
		}
		for state, n := range map[string]int{
			"pending": a.Pending, "accepted": a.Accepted, "rejected": a.Rejected, "in_doubt": a.InDoubt,
			"invalid": a.Invalid, "duplicate": a.Duplicate, "suppressed": a.Suppressed, "cancelled": a.Cancelled,
		} {
			if counts[state] != n {
				w.t.Errorf("%s: status says %d %s, the export has %d", id, n, state, counts[state])
			}
		}
	}
	for phone := range took {
		if !seen[phone] {
			w.t.Fatal("the sandbox took a recipient that no campaign knows for accepted or in doubt")
		}
	}
}
