package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/keys"
	"sluice/internal/sender"
)

// revisions say which revision of its message a campaign was sending when a claim
// was made. The message as it was given is revision 1.
type revisions struct {
	newest int
	before map[[2]int]int // by revision and batch, the epoch of the last claim before it
}

// of is the revision that was sent under an epoch of a batch; 0 for none.
func (r revisions) of(n, epoch int) int {
	if epoch == 0 {
		return 0
	}
	revision := 1
	for next := 2; next <= r.newest; next++ {
		if epoch > r.before[[2]int{next, n}] {
			revision = next
		}
	}
	return revision
}

// begunUnder is the epoch of the submission which recipient i was accepted with, or
// else of the last that was made; 0 where there is none.
func (f *Fold) begunUnder(i int, st *Standing) int {
	epoch, last := 0, 0
	for k := range f.subs[i] {
		s := &f.subs[i][k]
		switch {
		case st.State == Accepted && s.outcome == sender.Accepted && s.messageID == st.MessageID:
			return s.epoch
		case s.try > last && (s.outcome != 0 || s.made(s.weigh(f.epoch))):
			epoch, last = s.epoch, s.try
		}
	}
	return epoch
}

// revisions are those of a campaign's message.
func (l *Ledger) revisions(ctx context.Context, id string) (revisions, error) {
	r := revisions{newest: 1, before: map[[2]int]int{}}
	fields, err := l.rdb.HGetAll(ctx, keys.Revisions(id)).Result()
	if err != nil {
		return r, fmt.Errorf("reading the revisions of %s: %w", id, err)
	}
	for field, text := range fields {
		revision, batch, _ := strings.Cut(field, " ")
		next, err := strconv.Atoi(revision)
		if err == nil && batch == "" { // of a revision before which no batch was claimed
			r.newest = max(r.newest, next)
			continue
		}
		n, errN := strconv.Atoi(batch)
		epoch, errE := strconv.Atoi(text)
		if err != nil || errN != nil || errE != nil {
			return r, fmt.Errorf("reading the revisions of %s: a field is of another form", id)
		}
		r.newest = max(r.newest, next)
		r.before[[2]int{next, n}] = epoch
	}
	return r, nil
}
