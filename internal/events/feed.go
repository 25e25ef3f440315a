package events

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// An Event is one thing to tell.
type Event struct {
	// ID is its place, by which a listener goes on behind it; "" of what is told as it
	// is now.
	ID       string
	Type     string // such as campaign.state
	Campaign string
	Sender   string
	Data     []byte // a JSON object
	// Same is alike where an Event without ID says nothing new; Data if nil.
	Same []byte
}

// A feed is what is known of one campaign's events, or of all of them.
type feed struct {
	campaign string // "": of all

	mu      sync.Mutex
	read    bool
	kept    []Event // as Redis has them, the oldest first
	cut     id      // the newest that is not kept any more; zero: all are
	now     map[string]told
	version int
	changed chan struct{} // closed with each change, and made anew
	due     time.Time     // when to ask how far it is

	listeners int // of Hub.mu
}

// told is the newest of what is told as it is now.
type told struct {
	Event
	version int
}

func newFeed(campaign string) *feed {
	return &feed{campaign: campaign, now: map[string]told{}, changed: make(chan struct{})}
}

func (f *feed) most() int {
	if f.campaign == "" {
		return mostKeptAll
	}
	return mostKept
}

func (f *feed) isRead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

// behind is from where on Redis is to be read.
func (f *feed) behind() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kept) == 0 {
		return "-"
	}
	return "(" + f.kept[len(f.kept)-1].ID
}

// add takes what was read.
func (f *feed) add(found []redis.XMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read && len(found) == 0 {
		return
	}
	for _, m := range found {
		f.kept = append(f.kept, eventOf(m))
	}
	switch more := len(f.kept) - f.most(); {
	case more > 0:
		f.cut, _ = parseID(f.kept[more-1].ID)
		f.kept = slices.Clone(f.kept[more:])
	case more == 0 && !f.read: // Redis keeps so many at least, and may have cut the others
		f.cut, _ = parseID(f.kept[0].ID)
		f.cut = f.cut.before()
	}
	f.read, f.due = true, time.Time{}
	f.wake()
}

// asked takes how far the campaign is, and when to ask again.
func (f *feed) asked(all []Event, again time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = again
	for _, e := range all {
		if e.Same == nil {
			e.Same = e.Data
		}
		if string(f.now[e.Type].Same) != string(e.Same) {
			f.version++
			f.now[e.Type] = told{Event: e, version: f.version}
			f.wake()
		}
	}
}

func (f *feed) isDue(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read && !f.due.After(now)
}

// wake wakes all listeners. The lock is held.
func (f *feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// settle has a place that is at the end stay where that is, once the feed is read.
func (f *feed) settle(p *place) (read bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read && p.atEnd {
		p.atEnd = false
		if n := len(f.kept); n > 0 {
			p.behind, _ = parseID(f.kept[n-1].ID)
		}
	}
	return f.read, f.changed
}

// since is what a listener has not been told, and what wakes it where that is nothing.
func (f *feed) since(p *place) (news []Event, changed <-chan struct{}) {
	read, changed := f.settle(p)
	if !read {
		return nil, changed
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	from, _ := slices.BinarySearchFunc(f.kept, p.behind, func(e Event, behind id) int {
		at, _ := parseID(e.ID)
		if at.after(behind) {
			return 1
		}
		return -1
	})
	if f.cut.after(p.behind) && p.behind != (id{}) {
		news = append(news, lost(f.campaign, f.kept[0].ID))
	}
	news = append(news, f.kept[from:]...)
	if n := len(f.kept); n > 0 && from < n {
		p.behind, _ = parseID(f.kept[n-1].ID)
	}
	for _, name := range slices.Sorted(maps.Keys(f.now)) {
		if t := f.now[name]; t.version > p.version {
			news = append(news, t.Event)
		}
	}
	p.version = f.version
	return news, f.changed
}

// lost says that events were cut off which a listener has not been told.
func lost(campaign, oldest string) Event {
	return Event{Type: "events.lost", Campaign: campaign, Data: object(map[string]any{"campaign": campaign, "oldest": oldest})}
}

func object(v map[string]any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return text
}

// eventOf reads an event as the scripts keep it.
func eventOf(m redis.XMessage) Event {
	e := Event{ID: m.ID}
	data := map[string]any{}
	for name, value := range m.Values {
		text, _ := value.(string)
		switch name {
		case "type":
			e.Type = text
			continue
		case "campaign":
			e.Campaign = text
		case "sender":
			e.Sender = text
		case "at":
			ms, _ := strconv.ParseInt(text, 10, 64)
			data[name] = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
			continue
		case "seq":
			data[name], _ = strconv.Atoi(text)
			continue
		}
		data[name] = text
	}
	e.Data = object(data)
	return e
}

// An id is a place in a stream.
type id struct{ ms, seq uint64 }

func (a id) after(b id) bool { return a.ms > b.ms || a.ms == b.ms && a.seq > b.seq }

// before is the place before one that is not the first.
func (a id) before() id {
	if a.seq > 0 {
		return id{a.ms, a.seq - 1}
	}
	return id{a.ms - 1, math.MaxUint64}
}

// parseID reads a place such as 1766000000000-0; without its second number it is the
// first of its millisecond.
func parseID(text string) (at id, ok bool) {
	ms, seq, two := strings.Cut(text, "-")
	var err, err2 error
	at.ms, err = strconv.ParseUint(ms, 10, 64)
	if two {
		at.seq, err2 = strconv.ParseUint(seq, 10, 64)
	}
	return at, err == nil && err2 == nil
}
