package receipt

import (
	"cmp"
	"slices"

	"sluice/internal/ledger"
	"sluice/internal/phone"
)

// A page is what this process knows of one batch: whom it is about, its journal
// and its receipt log, each up to some length.
type page struct {
	*ledger.Look
	people   []person // by identity
	log      *fold
	logBytes int
	logHead  string // its first bytes: those of another one, where somebody has made it compact since
	logEnd   string // its last bytes
	packed   int    // bytes of the compact record at its beginning
	counted  counted
	scratch  []key
}

// A counted is what the counts rest on that Redis has of a page: so much of its
// log, and of its journal.
type counted struct{ logBytes, outcome int }

// forget has the log read from its beginning.
func (p *page) forget() {
	p.log, p.logBytes, p.logHead, p.logEnd, p.packed, p.counted = newFold(len(p.Phones)), 0, "", "", 0, counted{}
}

// settled says that the counts in Redis follow from all that the page knows.
func (p *page) settled() bool {
	return p.logBytes > 0 && p.counted == counted{p.logBytes, p.Outcome()}
}

// A person is one recipient of a batch.
type person struct {
	identity uint64
	index    int
}

func newPage(k *ledger.Look) *page {
	p := &page{Look: k, log: newFold(len(k.Phones)), people: make([]person, len(k.Phones))}
	for i, number := range k.Phones {
		p.people[i] = person{phone.Identity(number), i}
	}
	slices.SortFunc(p.people, func(a, b person) int { return cmp.Compare(a.identity, b.identity) })
	return p
}

// whose is the index of the recipient of a number, -1 where there is none.
func (p *page) whose(number string) int {
	id := phone.Identity(number)
	if id == 0 {
		return -1
	}
	at, found := slices.BinarySearchFunc(p.people, id, func(a person, id uint64) int { return cmp.Compare(a.identity, id) })
	if !found {
		return -1
	}
	return p.people[at].index
}

// ids are the keys of the messages under which a recipient was accepted. The next
// call has the same memory.
func (p *page) ids(i int) []key {
	p.scratch = p.scratch[:0]
	p.Accepted(i, func(id string) { p.scratch = append(p.scratch, keyOf(id)) })
	return p.scratch
}

// holder is the index of the one recipient that was accepted under a message_id,
// -1 where there is none or several.
func (p *page) holder(messageID string) int {
	found := -1
	for i := range p.Phones {
		has := false
		p.Accepted(i, func(id string) { has = has || id == messageID })
		if has && found >= 0 {
			return -1
		}
		if has {
			found = i
		}
	}
	return found
}

// funnel counts the page.
func (p *page) funnel() Funnel {
	f := Funnel{Codes: map[string]int{}}
	for i := range p.log.recipients {
		if len(p.log.recipients[i]) > 0 {
			s, early := p.log.of(i, p.ids(i))
			f.add(&s, early)
		}
	}
	return f
}
