package sandbox

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Callbacks say where the sandbox sends its callbacks, and how badly. Parts are
// between 0 and 1.
type Callbacks struct {
	NXCloud  string `json:"nxcloud"`  // the address for nxcloud's, none is sent if empty
	InnoPaaS string `json:"innopaas"` // and for innopaas's

	Delay time.Duration `json:"delay"` // from the answer to the first, in ns
	Step  time.Duration `json:"step"`  // from one to the next
	// Shuffle sends each at any time within the steps, so in any order.
	Shuffle bool `json:"shuffle"`

	// Undelivered of messages end so, with Code, 131026 if 0; Read of the others are
	// read. Which they are goes by seed, provider and number alone.
	Undelivered float64 `json:"undelivered"`
	Code        int     `json:"code"`
	Read        float64 `json:"read"`
	Repeat      float64 `json:"repeat"`    // of callbacks are sent twice
	Lose        float64 `json:"lose"`      // of them are never sent
	Early       float64 `json:"early"`     // of messages have the first before their answer
	NoNumber    float64 `json:"no_number"` // of statuses name no recipient
	// NoNinth leaves the ninth digit out of Brazilian numbers, as WhatsApp does.
	NoNinth  float64       `json:"no_ninth"`
	Together int           `json:"together"` // statuses in a body, where the provider has several; 1 if 0
	Signed   bool          `json:"signed"`
	Retry    time.Duration `json:"retry"` // until it is answered 200; 1 s if 0
}

// A Told is a status that was answered 200, or is on its way.
type Told struct {
	Provider  string `json:"provider"`
	MessageID string `json:"message_id"`
	Phone     string `json:"phone"` // as it was submitted to
	Status    string `json:"status"`
	Second    int64  `json:"second"`
	Code      int    `json:"code"`
	Answered  int    `json:"answered"` // how often with 200

	uid      string
	meta     string // of the plain product: Meta's own id beside the one that it was given
	webhook  string // of the message, instead of the account's
	named    string // the recipient as the callback spells it
	due      time.Duration
	repeated bool
}

// teller sends callbacks, and remembers what was answered 200.
type teller struct {
	s     *Sandbox
	http  *http.Client
	start sync.Once

	mu    sync.Mutex
	how   Callbacks
	queue tellings
	told  []*Told
}

// tellings are a heap by the time that they are due.
type tellings []*Told

func (q tellings) Len() int           { return len(q) }
func (q tellings) Less(i, j int) bool { return q[i].due < q[j].due }
func (q tellings) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push adds one.
func (q *tellings) Push(x any) { *q = append(*q, x.(*Told)) }

// Pop takes the last.
func (q *tellings) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

func newTeller(s *Sandbox) *teller {
	return &teller{s: s, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
}

// SetCallbacks says where callbacks go from now on.
func (s *Sandbox) SetCallbacks(c Callbacks) {
	s.teller.mu.Lock()
	s.teller.how = c
	s.teller.mu.Unlock()
}

// Told are all statuses that were answered 200 at least once.
func (s *Sandbox) Told() []Told {
	s.teller.mu.Lock()
	defer s.teller.mu.Unlock()
	var all []Told
	for _, t := range s.teller.told {
		if t.Answered > 0 {
			all = append(all, *t)
		}
	}
	return all
}

// Untold is how many statuses are still to be answered 200.
func (s *Sandbox) Untold() int {
	s.teller.mu.Lock()
	defer s.teller.mu.Unlock()
	n := 0
	for _, t := range s.teller.told {
		if t.Answered == 0 {
			n++
		}
	}
	return n
}

// taken plans the statuses of what was taken, and returns how long the answer is to
// wait for the first of them.
func (t *teller) taken(a *arrival, ids []string) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.provider == nxcloud && t.how.NXCloud == "" && a.webhook == "" || a.provider == innopaas && t.how.InnoPaaS == "" {
		return 0
	}
	t.start.Do(func() { go t.run() })
	for i, phone := range a.phones {
		wait = max(wait, t.plan(a, phone, ids[i]))
	}
	return wait
}

// plan plans the statuses of one message. The mutex is held.
func (t *teller) plan(a *arrival, phone, id string) (wait time.Duration) {
	c := t.how
	statuses := []string{"sent", "delivered"}
	switch {
	case t.draw(a.provider, "undelivered", phone) < c.Undelivered:
		statuses = []string{"sent", "failed"}
	case t.draw(a.provider, "read", phone) < c.Read:
		statuses = append(statuses, "read")
	}
	if a.provider == innopaas {
		statuses = statuses[1:] // it has no sent
	}
	now := time.Since(t.s.start)
	early := t.chance(c.Early)
	for k, status := range statuses {
		if t.chance(c.Lose) {
			continue
		}
		due := now + c.Delay + time.Duration(k)*c.Step
		if c.Shuffle {
			due = now + c.Delay + time.Duration(t.number()*float64(len(statuses))*float64(c.Step))
		}
		if early && k == 0 {
			due, wait = now, 50*time.Millisecond
		}
		one := &Told{
			Provider: a.provider, MessageID: id, Phone: phone, Status: status, uid: a.uid, webhook: a.webhook, due: due, named: phone,
			Second: t.s.o.Now().Add(time.Duration(k) * time.Second).Unix(), repeated: t.chance(c.Repeat),
		}
		if status == "failed" {
			one.Code = cmp.Or(c.Code, 131026)
		}
		if a.cusID != "" {
			one.meta = "wamid." + id
		}
		if t.chance(c.NoNinth) && len(phone) == 13 && strings.HasPrefix(phone, "55") && phone[4] == '9' && phone[5] >= '6' { // a mobile
			one.named = phone[:4] + phone[5:]
		}
		if t.chance(c.NoNumber) {
			one.named = ""
		}
		t.told = append(t.told, one)
		heap.Push(&t.queue, one)
	}
	return wait
}

func (t *teller) chance(part float64) bool { return part > 0 && t.number() < part }

// draw is a number in [0, 1), the same for the same words.
func (t *teller) draw(words ...string) float64 {
	h := xxhash.NewWithSeed(t.s.o.Seed)
	for _, word := range words {
		_, _ = h.WriteString(word) // never fails
	}
	return float64(h.Sum64()>>11) / (1 << 53)
}

// number is a number in [0, 1).
func (t *teller) number() float64 {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return t.s.chance()
}

// run sends what is due, for as long as the process lives.
func (t *teller) run() {
	free := make(chan struct{}, 32)
	for range time.Tick(2 * time.Millisecond) {
		for _, some := range t.due() {
			free <- struct{}{}
			go func() {
				defer func() { <-free }()
				t.tell(some)
			}()
		}
	}
}

// due takes what is due off the queue, in bodies.
func (t *teller) due() [][]*Told {
	t.mu.Lock()
	defer t.mu.Unlock()
	var bodies [][]*Told
	nx := map[string][]*Told{} // by where they go
	now := time.Since(t.s.start)
	for t.queue.Len() > 0 && t.queue[0].due <= now {
		one := heap.Pop(&t.queue).(*Told)
		if one.Provider == innopaas {
			bodies = append(bodies, []*Told{one})
		} else {
			nx[one.webhook] = append(nx[one.webhook], one)
		}
	}
	for _, some := range nx {
		bodies = slices.AppendSeq(bodies, slices.Chunk(some, max(1, t.how.Together)))
	}
	return bodies
}

// tell sends one body, and has it sent again unless it is answered 200.
func (t *teller) tell(some []*Told) {
	t.mu.Lock()
	how := t.how
	t.mu.Unlock()
	url, body := cmp.Or(some[0].webhook, how.NXCloud), t.nxBody(some)
	if some[0].Provider == innopaas {
		url, body = how.InnoPaaS, t.innoBody(some[0])
	}
	ok := t.post(url, body, how.Signed && some[0].Provider == nxcloud)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range some {
		switch {
		case !ok:
			one.due = time.Since(t.s.start) + cmp.Or(how.Retry, time.Second)
			heap.Push(&t.queue, one)
			continue
		case one.repeated:
			one.repeated = false
			one.due = time.Since(t.s.start) + how.Step
			heap.Push(&t.queue, one)
		}
		one.Answered++
	}
}

// serveCallbacks takes the switches as JSON.
func (s *Sandbox) serveCallbacks(w http.ResponseWriter, r *http.Request) {
	var c Callbacks
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.SetCallbacks(c)
}

// serveTold gives the statuses that were answered 200, one JSON object a line; the
// header Untold says how many are not yet.
func (s *Sandbox) serveTold(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Untold", strconv.Itoa(s.Untold()))
	e := json.NewEncoder(w)
	for _, one := range s.Told() {
		if e.Encode(one) != nil {
			return
		}
	}
}
