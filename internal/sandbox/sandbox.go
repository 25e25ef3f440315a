// Package sandbox simulates both providers over HTTP, from their documents
// alone: it shares no code with what sends, so that two readings of one document
// check each other. It is the judge in the tests: what it says arrived, arrived.
package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxBody is the largest request that is read.
const maxBody = 4 << 20

// Options say how a sandbox behaves.
type Options struct {
	Now       func() time.Time // the clock of signatures; time.Now if nil
	NX        NXAccount        // the zero value is DefaultNX
	Inno      InnoAccount      // the zero value is DefaultInno
	Faults    []Fault
	Latency   time.Duration // of every answer
	Seed      uint64        // of faults by rate
	CountOnly bool          // check nothing and keep no log: for benchmarks
	Log       io.Writer     // one JSON line an arrival; may be nil
}

// A Sandbox is an http.Handler that acts as both providers. It is safe for use
// by many goroutines.
type Sandbox struct {
	o       Options
	mux     *http.ServeMux
	start   time.Time
	ids     atomic.Int64
	counted atomic.Int64 // in count-only mode
	teller  *teller

	mu        sync.Mutex
	faults    []Fault
	fired     []int // times each fault has fired
	templates []Template
	balance   int // messages left; below 0: no end of them
	book      book
}

// New makes a Sandbox.
func New(o Options) *Sandbox {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NX == (NXAccount{}) {
		o.NX = DefaultNX()
	}
	if o.Inno == (InnoAccount{}) {
		o.Inno = DefaultInno()
	}
	s := &Sandbox{o: o, start: time.Now(), faults: o.Faults, fired: make([]int, len(o.Faults)), templates: DefaultTemplates(), balance: -1}
	s.book.reset()
	s.teller = newTeller(s)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /saas/wa/send", s.serveNX)
	s.mux.HandleFunc("POST /api/wa/mt", s.serveMT)
	s.mux.HandleFunc("POST /api/wa/getTemplate", s.serveTemplates)
	s.mux.HandleFunc("POST /api/whatsapp/v3/msg/submit", s.serveInno(false))
	s.mux.HandleFunc("POST "+o.Inno.MMLitePath, s.serveInno(true))
	s.control()
	return s
}

// ServeHTTP answers as the provider that the path belongs to.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// An arrival is one submission as it came in.
type arrival struct {
	provider string
	phones   []string
	uid      string // of innopaas
	cusID    string // of nxcloud's plain product, and where its receipts go
	webhook  string
	at       time.Duration // since the sandbox began, by its monotonic clock
	body     []byte
}

// receive reads a submission and lets the faults have their say. Verify checks
// it as the provider would and returns what to answer and whether the message is
// taken.
func (s *Sandbox) receive(w http.ResponseWriter, r *http.Request, provider string, verify func(*arrival) reply) {
	at := time.Since(s.start)
	if f, ok := s.pick(provider, nil, at, true); ok && f.Do == CutBefore {
		s.mu.Lock()
		s.book.cut++
		s.mu.Unlock()
		closeAbruptly(w, false)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client has left
	}
	if s.o.CountOnly {
		s.count(w, provider, body)
		return
	}
	a := &arrival{provider: provider, at: at, body: body}
	answer := verify(a)
	f, faulty := s.pick(provider, a.phones, at, false)
	if faulty && (answer.ok || f.Do != "") {
		answer = f.apply(answer, provider)
	}
	s.finish(w, r, a, answer)
}

// finish enters an arrival into the book and answers.
func (s *Sandbox) finish(w http.ResponseWriter, r *http.Request, a *arrival, answer reply) {
	s.mu.Lock()
	if answer.taken && s.balance == 0 && a.provider == nxcloud {
		answer = nxError("22125", "insufficient balance")
	} else if answer.taken && s.balance > 0 {
		s.balance -= min(s.balance, len(a.phones))
	}
	line := s.book.enter(a, &answer)
	s.mu.Unlock()
	if s.o.Log != nil {
		s.mu.Lock()
		fmt.Fprintf(s.o.Log, "%s\n", line)
		s.mu.Unlock()
	}
	early := time.Duration(0)
	if answer.taken {
		early = s.teller.taken(a, answer.ids)
	}
	if d := s.o.Latency + answer.latency + early; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	answer.write(w, r)
}

// count is the mode that checks nothing.
func (s *Sandbox) count(w http.ResponseWriter, provider string, body []byte) {
	s.counted.Add(int64(numbers(body, provider)))
	if s.o.Latency > 0 {
		time.Sleep(s.o.Latency)
	}
	id := s.ids.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if provider == nxcloud {
		fmt.Fprintf(w, `{"code":0,"message":"","data":{"message_id":"%s"},"traceId":"0"}`, messageID(id))
		return
	}
	fmt.Fprintf(w, `{"code":"0","message":"","data":"%018d"}`, id)
}

// numbers counts a submission's recipients without parsing it.
func numbers(body []byte, provider string) int {
	if provider == nxcloud {
		return 1
	}
	const key = `"recipientNumber":"`
	n := 0
	for i := range body {
		if n == 0 && body[i] == '"' && i+len(key) < len(body) && string(body[i:i+len(key)]) == key {
			n = 1
			for _, c := range body[i+len(key):] {
				if c == ',' {
					n++
				}
				if c == '"' {
					return n
				}
			}
		}
	}
	return n
}

// messageID is shaped like nxcloud's: 27 characters.
func messageID(n int64) string { return fmt.Sprintf("gBGGSandbox%016d", n) }

// A reply is what a submission is answered with.
type reply struct {
	ok      bool // no fault of the request's
	taken   bool // the provider has the message
	code    string
	ids     []string // message_ids by recipient
	status  int
	body    []byte
	header  http.Header
	latency time.Duration
	then    Do // what happens instead of an orderly answer
	// violation says what the request did that no document allows.
	violation string
}

func jsonReply(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(`{}`)
	}
	return reply{status: http.StatusOK, body: b}
}
