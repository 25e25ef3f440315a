package campaign

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"sluice/internal/ledger"
)

// A Plan is what an import found: where every row of the input goes.
type Plan struct {
	Rows, Recipients, Invalid, Duplicate, Suppressed int
	Batches                                          int // staged
	Tasks                                            int // those with recipients
	Fingerprint                                      string
}

// A Record is a campaign as Redis holds it.
type Record struct {
	ID       string
	State    State
	Reason   string // why it halted, for a person
	Code     string // the provider's code behind that
	Row      int    // of the list, that this was last about; 0: of none
	Sender   string
	Identity string
	Raw      []byte // the campaign file as it was given
	Set      string // its settings as they were set since; empty: never
	By       string // who paused it, where that is known
	Stands   string // who launched it to stand paused until it is resumed; empty: nobody
	// Amended is the campaign file whose message is sent in the place of Raw's; empty
	// where it was never amended. Revision is 1 then, and one more with each time.
	Amended    []byte
	Revision   int
	Plan       Plan
	CreatedAt  time.Time
	StartAt    time.Time
	StartedAt  time.Time
	FinishedAt time.Time
	Noted      string // the shape of its list, as Shape reads it
	Final      []byte // what was kept of its account when its rows expired
	Named      string // how the campaigns were that its list names, when its import asked them
	Expiring   bool   // its rows may be set to expire
	// What only a campaign has that was composed over HTTP.
	ETag          string            // of what was given last; never empty where it was composed
	PartsRevision int               // raised with each change of the list's parts
	Labels        map[string]string // what the one who composed it knows it by
	Callback      []byte            // where to tell of its moves, as it was given; nil: nowhere
	Manifest      []byte            // the parts of its list, frozen
	Problems      []byte            // why its list could not be imported

	Listed string          // the events of Callback, as ",a,b,"
	Marks  map[Event]int64 // how far what is watched was noticed to be; nil: nothing was
}

// Counted is what the import has counted, for ledger.TotalsOf; false before it is
// over.
func (r *Record) Counted() (ledger.Counted, bool) {
	p := &r.Plan
	return ledger.Counted{
		ID: r.ID, Rows: p.Rows, Recipients: p.Recipients, Invalid: p.Invalid, Duplicate: p.Duplicate, Suppressed: p.Suppressed,
		Batches: p.Batches, Tasks: p.Tasks,
	}, p.Batches > 0 && r.State != Draft && r.State != Importing
}

// Composed says that the campaign was composed over HTTP, and its list comes in
// parts.
func (r *Record) Composed() bool { return r.ETag != "" }

// Given is the campaign file as it was given, under the campaign's own id: one
// file may be given under several.
func (r *Record) Given() (*File, error) {
	f, err := parse(r.Raw, r.ID+".yaml", either, Rules{})
	if err != nil {
		return nil, err
	}
	f.ID = r.ID
	return f, nil
}

// File is the campaign file with the settings and the message as they are now.
func (r *Record) File() (*File, error) {
	f, err := r.Given()
	if err == nil && len(r.Amended) > 0 {
		err = f.amend(r.Amended)
	}
	if err != nil || r.Set == "" {
		return f, err
	}
	set, err := ParseSettings(r.Set)
	if err != nil {
		return nil, err
	}
	f.Apply(set)
	return f, nil
}

// A Brief is as much of a record as a worker needs to see what is due.
type Brief struct {
	ID      string
	State   State
	Sender  string
	StartAt time.Time
	MovedAt time.Time // when it came into its state
	Window  *Window   // nil: at any time
	Set     string    // as Record.Set
	// Revision is as Record.Revision.
	Revision int
	// Expiring says that its rows may be set to expire: of a campaign that goes on
	// they must not be.
	Expiring bool
}

// Equal says that two briefs say the same.
func (b Brief) Equal(o Brief) bool {
	return b.ID == o.ID && b.State == o.State && b.Sender == o.Sender && b.StartAt.Equal(o.StartAt) &&
		b.MovedAt.Equal(o.MovedAt) && b.Window.text() == o.Window.text() && b.Set == o.Set && b.Revision == o.Revision && b.Expiring == o.Expiring
}

// The fields of a record.
const (
	fieldState    = "state"
	fieldReason   = "reason"
	fieldCode     = "code"
	fieldRow      = "halted_row"
	fieldSender   = "sender"
	fieldIdentity = "identity"
	fieldFile     = "file"
	fieldSet      = "set"
	fieldCreated  = "created_at"
	fieldStartAt  = "start_at"
	fieldStarted  = "started_at"
	fieldFinished = "finished_at"
	fieldMoved    = "moved_at"
	fieldWindow   = "window"
	fieldFinal    = "final"
	fieldShape    = "shape"
	fieldBy       = "by"
	fieldStands   = "stands"
	fieldExpiring = "expiring"
	fieldAmended  = "amended"
	fieldRevision = "revision"
	fieldETag     = "etag"
	fieldParts    = "parts_revision"
	fieldLabels   = "labels"
	fieldCallback = "callback"
	fieldTells    = "tells" // the events of callback, as ",a,b,"
	fieldManifest = "manifest"
	fieldProblems = "problems"
)

// planFields are the names of a plan's numbers, with their places.
func (p *Plan) planFields() map[string]*int {
	return map[string]*int{
		"rows": &p.Rows, "recipients": &p.Recipients, "invalid": &p.Invalid, "duplicate": &p.Duplicate,
		"suppressed": &p.Suppressed, "batches": &p.Batches, "tasks": &p.Tasks,
	}
}

func parseRecord(id string, fields map[string]string) (*Record, error) {
	r := &Record{
		ID: id, State: State(fields[fieldState]), Reason: fields[fieldReason], Code: fields[fieldCode],
		Sender: fields[fieldSender], Identity: fields[fieldIdentity], Raw: []byte(fields[fieldFile]), Set: fields[fieldSet], By: fields[fieldBy], Stands: fields[fieldStands], Noted: fields[fieldShape],
		CreatedAt: millis(fields[fieldCreated]), StartAt: millis(fields[fieldStartAt]),
		StartedAt: millis(fields[fieldStarted]), FinishedAt: millis(fields[fieldFinished]),
		Final: []byte(fields[fieldFinal]), Expiring: fields[fieldExpiring] != "", Named: fields["named"],
		ETag: fields[fieldETag], Listed: fields[fieldTells],
	}
	for _, e := range watchedEvents {
		if far, err := strconv.ParseInt(fields[markOf(e)], 10, 64); err == nil {
			if r.Marks == nil {
				r.Marks = map[Event]int64{}
			}
			r.Marks[e] = far
		}
	}
	r.Row, _ = strconv.Atoi(fields[fieldRow]) // none, before it halted
	r.Revision, r.Amended = revisionOf(fields[fieldRevision]), []byte(fields[fieldAmended])
	for name, into := range map[string]*[]byte{fieldCallback: &r.Callback, fieldManifest: &r.Manifest, fieldProblems: &r.Problems} {
		if text := fields[name]; text != "" {
			*into = []byte(text)
		}
	}
	if text := fields[fieldLabels]; text != "" {
		if err := json.Unmarshal([]byte(text), &r.Labels); err != nil {
			return nil, fmt.Errorf("record of %s: reading its labels: %w", id, err)
		}
	}
	r.PartsRevision, _ = strconv.Atoi(fields[fieldParts]) // none before the first part
	r.Plan.Fingerprint = fields["fingerprint"]
	for name, n := range r.Plan.planFields() {
		if text := fields[name]; text != "" {
			var err error
			if *n, err = strconv.Atoi(text); err != nil {
				return nil, fmt.Errorf("record of %s: field %s is not a number", id, name)
			}
		}
	}
	return r, nil
}

// revisionOf reads a revision; 1 where there is none.
func revisionOf(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return n
}

// millis reads a time as it is stored; zero if there is none.
func millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
