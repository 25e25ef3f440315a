package receipt

import (
	"sluice/internal/sender"
)

// A standing is what receipts say of one message, or of one recipient: the highest
// status, and the earliest time of each. It is a lattice: to join two standings is
// commutative, associative and idempotent, so that neither the order of receipts
// nor their repetition makes a difference.
type standing struct {
	status  sender.Status
	deleted bool
	at      [sender.Read + 1]uint32 // by status, Unix seconds + 1; 0 for none
	code    string                  // of the earliest undelivered; of two at once the lesser
}

// join takes what another standing says.
func (s *standing) join(o *standing) (changed bool) {
	if o.status > s.status {
		s.status, changed = o.status, true
	}
	if o.deleted && !s.deleted {
		s.deleted, changed = true, true
	}
	was, is := s.at[sender.Undelivered], o.at[sender.Undelivered]
	if is != 0 && (was == 0 || is < was || is == was && o.code < s.code) {
		s.code, changed = o.code, true
	}
	for i := range s.at {
		if o.at[i] != 0 && (s.at[i] == 0 || o.at[i] < s.at[i]) {
			s.at[i], changed = o.at[i], true
		}
	}
	return changed
}

// standing is what one entry says.
func (e *entry) standing() standing {
	s := standing{status: e.status, deleted: e.deleted, code: e.code}
	s.at[e.status] = e.at + 1
	return s
}

// A message is what receipts say of one message to a recipient.
type message struct {
	key key
	// messageID is there while it may have to prove something; of two the lesser.
	messageID string
	standing
}

// since is the time of its earliest receipt.
func (m *message) since() uint32 {
	var first uint32
	for _, at := range m.at {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first - min(first, 1)
}

// A fold is what a batch's receipt log says. It is not safe for use by many
// goroutines.
type fold struct {
	recipients [][]message
	codes      map[string]string // each once, so that it keeps no log alive
}

func newFold(size int) *fold {
	return &fold{recipients: make([][]message, size), codes: map[string]string{}}
}

// add adds an entry, and says whether it says anything new.
func (f *fold) add(e entry) bool {
	if e.code != "" {
		if known, ok := f.codes[e.code]; ok {
			e.code = known
		} else {
			f.codes[e.code] = e.code
		}
	}
	s := e.standing()
	messages := f.recipients[e.index]
	for i := range messages {
		if m := &messages[i]; m.key == e.key {
			named := e.messageID != "" && (m.messageID == "" || e.messageID < m.messageID)
			if named {
				m.messageID = e.messageID
			}
			return m.join(&s) || named
		}
	}
	f.recipients[e.index] = append(messages, message{e.key, e.messageID, s})
	return true
}

// knows says that an entry says nothing new.
func (f *fold) knows(e *entry) bool {
	s := e.standing()
	for _, m := range f.recipients[e.index] {
		if m.key == e.key {
			return !m.join(&s) // m is a copy
		}
	}
	return false
}

// compacted says that what is said of a recipient's accepted messages stands together.
func (f *fold) compacted(i int) bool {
	for k := range f.recipients[i] {
		if f.recipients[i][k].key == acceptedKey {
			return true
		}
	}
	return false
}

// of is what the receipts of a recipient's accepted messages say together, and how
// many messages there are receipts of that it was not accepted under. Ids are the
// keys of those that it was.
func (f *fold) of(i int, ids []key) (s standing, early int) {
	for k := range f.recipients[i] {
		m := &f.recipients[i][k]
		if !counts(m.key, ids) {
			early++
			continue
		}
		s.join(&m.standing)
	}
	return s, early
}

// counts says whether a message is one of those accepted. One that is named by its
// reference is the recipient's, under whatever id.
func counts(k key, ids []key) bool {
	if k.located() {
		return len(ids) > 0
	}
	for _, id := range ids {
		if id == k {
			return true
		}
	}
	return false
}
