// Package audit keeps who did what: one entry for each act that changes something,
// in a stream of Redis, by Redis' clock. An act has its entry before it begins, and
// its outcome once that is known, so that nothing is changed of which there is no
// entry; one whose program died in between stays begun. No entry holds a phone
// number, a secret or a text of a row. The stream is bounded: the oldest entries go.
package audit

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"sluice/internal/keys"
	"sluice/internal/phone"
)

const (
	// Keep is how long an entry is kept.
	Keep = 400 * 24 * time.Hour
	// MaxEntries is how many are kept, about: some 40 MB of Redis, and 200 if each had a note as long as may be.
	MaxEntries = 100_000
	// endWithin is how long the outcome may take to be noted.
	endWithin = 5 * time.Second
	// maxText is how long one text of an entry may be, and maxDetail what stands there of
	// the act, with what a person notes beside it.
	maxText   = 200
	maxDetail = 1500
)

// An Actor is who does something.
type Actor struct {
	Kind    string // cli, token or page; empty: the programs themselves
	Name    string // user@host, or the token's name
	Token   string // its id
	Address string // where the request came from, as net/http has it
	Request string // the request's id
}

// String is who did it, for those who look at a campaign: a person by the name
// alone.
func (a Actor) String() string {
	switch a.Kind {
	case "token":
		return "token " + a.Name
	case "page":
		return "the page, token " + a.Name
	}
	return a.Name
}

// An Act is what somebody does.
type Act struct {
	Name     string // such as pause
	Campaign string // empty: of none
	Sender   string // empty: of none, or of all
	Detail   string // what was before, and what is now
}

// An Outcome is what came of an act.
type Outcome string

// The outcomes.
const (
	Begun     Outcome = "begun"     // under way, or its program died: what came of it is not on record
	Done      Outcome = "done"      //
	Unchanged Outcome = "unchanged" // it was so already
	Refused   Outcome = "refused"   // and nothing was changed
	Failed    Outcome = "failed"    // and may have been done in part
)

// An Entry is one act as it is read.
type Entry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`       // when it began
	Actor    string    `json:"actor"`    // such as cli:ana@desk or token:crm
	Token    string    `json:"token"`    // the token's id
	Address  string    `json:"address"`  // where the request came from
	Request  string    `json:"request"`  // the request's id, as in the log
	Act      string    `json:"act"`      //
	Campaign string    `json:"campaign"` // empty: of none
	Sender   string    `json:"sender"`   // empty: of none, or of all
	Detail   string    `json:"detail"`   //
	Outcome  Outcome   `json:"outcome"`
}

// A Log keeps entries. It is safe for use by many goroutines.
type Log struct {
	rdb redis.UniversalClient
}

// New makes a Log on rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Log { return &Log{rdb: rdb} }

// A Record is the entry of an act that is under way.
type Record struct {
	log   *Log
	id    string
	actor Actor
}

// Begin notes that an act begins. Where that cannot be noted it is not to begin.
func (l *Log) Begin(ctx context.Context, who Actor, a Act) (*Record, error) {
	id, err := l.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Audit(), MaxLen: MaxEntries, Approx: true, Values: fields(who, a, Begun, "")}).Result()
	if err != nil {
		return nil, fmt.Errorf("noting who does this: %w", err)
	}
	return &Record{log: l, id: id, actor: who}, nil
}

// endScript puts the entry of an act that is over in the place of the one before. KEYS:
// the stream. ARGV: the id before, the oldest time that is kept, the fields.
var endScript = redis.NewScript(`
redis.call('XADD', KEYS[1], 'MINID', '~', ARGV[2], '*', unpack(ARGV, 3))
return redis.call('XDEL', KEYS[1], ARGV[1])`)

// End notes what came of the act, also where whoever asked is gone. It takes the
// place of the entry before, at the end of the stream.
func (r *Record) End(ctx context.Context, a Act, o Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	args := append([]any{r.id, timeOf(r.id).Add(-Keep).UnixMilli()}, fields(r.actor, a, o, r.id)...)
	err := endScript.Run(ctx, r.log.rdb, []string{keys.Audit()}, args...).Err()
	if err != nil {
		return fmt.Errorf("noting what came of it: %w", err)
	}
	return nil
}

// fields are an entry's, always the same ones in the same order, whose names Redis
// so keeps once a node.
func fields(who Actor, a Act, o Outcome, began string) []any {
	actor := who.Name
	if who.Kind != "" {
		actor = who.Kind + ":" + who.Name
	}
	host, _, err := net.SplitHostPort(who.Address)
	if err != nil {
		host = who.Address
	}
	return []any{
		"actor", plain(actor), "token", plain(who.Token), "address", cut(host), "request", cut(who.Request),
		"act", cut(a.Name), "campaign", cut(a.Campaign), "sender", plain(a.Sender), "detail", bound(phone.Hide(a.Detail), maxDetail), "outcome", string(o), "began", began,
	}
}

// plain is a text of bounded length without what may be a phone number.
func plain(text string) string { return cut(phone.Hide(text)) }

// cut is a text of bounded length that steers no terminal.
func cut(text string) string { return bound(text, maxText) }

func bound(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// timeOf is the time in an entry's id, which is Redis'.
func timeOf(id string) time.Time {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64) // Redis made it
	return time.UnixMilli(n).UTC()
}
