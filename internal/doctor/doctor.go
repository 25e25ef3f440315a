// Package doctor looks for everything that would go wrong before the first message,
// and after an upgrade, and says of each thing what to do. It sends no message and
// changes nothing that lasts: a key that it tries Redis with is gone at once. What
// cannot be looked at it says, too; it takes nothing for granted.
package doctor

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/accounts"
)

// A Level is how bad a finding is.
type Level string

// The levels of findings.
const (
	OK   Level = "ok"
	Warn Level = "warn" // it may work, and somebody should know
	Fail Level = "fail" // messages do not go out, or what was done may be lost
)

// A Finding is what one check found.
type Finding struct {
	Check string `json:"check"` // one of those that docs/cli.md has
	Level Level  `json:"level"`
	About string `json:"about,omitempty"` // the sender, worker, campaign or file, where it is one's
	Text  string `json:"text"`
	// Remedy is what to do; there is none where all is well.
	Remedy string `json:"remedy,omitempty"`
}

// Options say what to look at.
type Options struct {
	RedisURL    string
	QueuePrefix string
	// Senders is the senders file, with the providers that know what is in it.
	Senders   string
	Providers accounts.Table
	Getenv    func(string) string
	// Spool is the receiver's folder, and ReceiptsURL where providers reach the
	// receiver; neither is looked at where it is not given.
	Spool, ReceiptsURL string
	Version            string
	Now                func() time.Time
}

// An examination is one look at everything.
type examination struct {
	Options
	redis    redis.UniversalClient // nil where it cannot be worked with
	findings []Finding
}

// Examine looks at everything, one thing after the other. What cannot be looked at
// because of an earlier finding is left out.
func Examine(ctx context.Context, o Options) []Finding {
	e := &examination{Options: o}
	if e.reach(ctx) {
		defer e.redis.Close()
		e.server(ctx)
		e.rights(ctx)
		e.clock(ctx)
		if e.schema(ctx) {
			e.workers(ctx)
			e.campaigns(ctx)
		}
	}
	e.senders(ctx)
	e.spool()
	return e.findings
}

// Failed says whether a finding keeps messages from going out, or may lose something.
func Failed(findings []Finding) bool {
	for _, f := range findings {
		if f.Level == Fail {
			return true
		}
	}
	return false
}

func (e *examination) ok(check, about, text string) {
	e.findings = append(e.findings, Finding{Check: check, Level: OK, About: about, Text: text})
}

func (e *examination) warn(check, about, text, remedy string) {
	e.findings = append(e.findings, Finding{Check: check, Level: Warn, About: about, Text: text, Remedy: remedy})
}

func (e *examination) fail(check, about, text, remedy string) {
	e.findings = append(e.findings, Finding{Check: check, Level: Fail, About: about, Text: text, Remedy: remedy})
}
