package sandbox

import (
	"encoding/json"
	"slices"
	"time"
)

// fewViolations is how many violations a report describes.
const fewViolations = 20

// A Report is what really arrived.
type Report struct {
	Requests int `json:"requests"`
	// Taken is how many different recipients were taken, Duplicates how many of
	// them more than once; some are named.
	Taken             int      `json:"taken"`
	Duplicates        int      `json:"duplicates"`
	DuplicateExamples []string `json:"duplicate_examples"`
	// MaxPerSecond is the most messages that arrived in any one second, sliding,
	// by the sandbox' monotonic clock; Requests likewise.
	MaxPerSecond         int            `json:"max_per_second"`
	MaxRequestsPerSecond int            `json:"max_requests_per_second"`
	Messages             int            `json:"messages"`
	FirstUS              int64          `json:"first_us"` // since the sandbox began
	LastUS               int64          `json:"last_us"`
	AveragePerSecond     float64        `json:"average_per_second"`
	Violations           int            `json:"violations"`
	ViolationExamples    []string       `json:"violation_examples"`
	Codes                map[string]int `json:"codes"` // of answers that were no success
	CutBefore            int            `json:"cut_before"`
	Counted              int64          `json:"counted"` // in count-only mode
}

// An Entry is one recipient's submission in the log.
type Entry struct {
	AtUS      int64  `json:"at_us"`
	Provider  string `json:"provider"`
	Phone     string `json:"phone"`
	Taken     bool   `json:"taken"`
	MessageID string `json:"message_id"` // that the sandbox has for it, told or not
	Code      string `json:"code"`       // that was answered, empty with success
}

// A book is what the sandbox remembers. The sandbox' mutex guards it.
type book struct {
	entries    []Entry
	stamps     []stamp
	taken      map[string]int
	uids       map[string]bool
	struckBy   map[strike]int
	codes      map[string]int
	violations int
	examples   []string
	requests   int
	cut        int
	dice       uint64
}

type stamp struct {
	us int64
	n  int32
}

type strike struct {
	rule  int
	phone string
}

func (b *book) reset() {
	*b = book{taken: map[string]int{}, uids: map[string]bool{}, struckBy: map[strike]int{}, codes: map[string]int{}}
}

// enter notes an arrival and its answer, and returns it as lines of the log.
func (b *book) enter(a *arrival, answer *reply) []byte {
	b.requests++
	us := a.at.Microseconds()
	b.stamps = append(b.stamps, stamp{us: us, n: int32(max(1, len(a.phones)))})
	if answer.violation != "" {
		b.violate(answer.violation)
	}
	if answer.code != "" {
		b.codes[answer.code]++
	}
	var lines []byte
	for i, p := range a.phones {
		e := Entry{AtUS: us, Provider: a.provider, Phone: p, Taken: answer.taken, Code: answer.code}
		if answer.taken {
			b.taken[a.provider+" "+p]++
			e.MessageID = answer.ids[i]
		}
		b.entries = append(b.entries, e)
		line, err := json.Marshal(e)
		if err == nil {
			lines = append(append(lines, line...), '\n')
		}
	}
	return slices.Clip(lines[:max(0, len(lines)-1)])
}

func (b *book) violate(what string) {
	b.violations++
	if len(b.examples) < fewViolations {
		b.examples = append(b.examples, what)
	}
}

// uid says whether a uid is new.
func (b *book) uid(uid string) bool {
	was := b.uids[uid]
	b.uids[uid] = true
	return !was
}

// struck counts how often a rule has met a number.
func (b *book) struck(rule int, phone string) int {
	b.struckBy[strike{rule, phone}]++
	return b.struckBy[strike{rule, phone}]
}

// Report says what has arrived so far.
func (s *Sandbox) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.book
	r := Report{
		Requests: b.requests, Taken: len(b.taken), Violations: b.violations, CutBefore: b.cut, Counted: s.counted.Load(),
		ViolationExamples: slices.Clone(b.examples), Codes: map[string]int{},
	}
	for code, n := range b.codes {
		r.Codes[code] = n
	}
	for who, n := range b.taken {
		if n > 1 {
			r.Duplicates++
			if len(r.DuplicateExamples) < 10 {
				r.DuplicateExamples = append(r.DuplicateExamples, who)
			}
		}
	}
	slices.SortFunc(b.stamps, func(x, y stamp) int { return int(x.us - y.us) })
	r.MaxPerSecond, r.MaxRequestsPerSecond = busiest(b.stamps)
	for _, st := range b.stamps {
		r.Messages += int(st.n)
	}
	if len(b.stamps) > 0 {
		r.FirstUS, r.LastUS = b.stamps[0].us, b.stamps[len(b.stamps)-1].us
	}
	if d := r.LastUS - r.FirstUS; d > 0 {
		r.AveragePerSecond = float64(r.Messages) / (float64(d) / 1e6)
	}
	return r
}

// busiest is the most messages, and the most requests, in any window of one
// second of stamps in order.
func busiest(stamps []stamp) (messages, requests int) {
	from, sum := 0, 0
	for to := range stamps {
		sum += int(stamps[to].n)
		for stamps[to].us-stamps[from].us >= time.Second.Microseconds() {
			sum -= int(stamps[from].n)
			from++
		}
		messages, requests = max(messages, sum), max(requests, to-from+1)
	}
	return messages, requests
}

// Entries are the log so far.
func (s *Sandbox) Entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.book.entries)
}
