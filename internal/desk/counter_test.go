package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/batch"
	"sluice/internal/campaign"
	"sluice/internal/ratelimit"
	"sluice/internal/redistest"
	"sluice/internal/sender"
)

// provider is a provider of no API: it compiles whatever is not refused.
type provider struct {
	refuse error // of every message
	unfit  error // what the preflight finds
}

func (p *provider) Compile(sender.Message, []batch.Column) (sender.Submitter, error) {
	return submitter{}, p.refuse
}

func (p *provider) Meaning(code sender.Code) string { return "the meaning of " + string(code) }

type submitter struct{}

func (submitter) MaxRecipients() int          { return 1 }
func (submitter) Key(*batch.Recipient) string { return "" }
func (submitter) Check(r *batch.Recipient) error {
	if len(r.Vars) > 0 && r.Vars[0] == "bad" {
		return errors.New("message.template.body: too bad")
	}
	return nil
}

func (submitter) Alone(sender.Code) bool                                                 { return false }
func (submitter) Submit(context.Context, sender.Ref, []batch.Recipient, []sender.Result) {}

// A counter is a desk with a folder of files, a provider and a Redis of its own.
type counter struct {
	*Desk
	t        *testing.T
	ctx      context.Context
	dir      string
	rdb      *redis.Client
	provider *provider
	limits   ratelimit.Limits
	time     time.Time
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	c := &counter{t: t, ctx: ctx, dir: t.TempDir(), rdb: redistest.New(t).Client(t), provider: &provider{}, time: time.Now()}
	c.Desk = New(Options{Redis: c.rdb, Open: c.open, Now: func() time.Time { return c.time }})
	c.file("list.csv", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n123,nobody\n5511987654321,Ana\n")
	return c
}

func (c *counter) open(name string) (*Sender, error) {
	if name != "promo" {
		return nil, fmt.Errorf("there is no sender %q", name)
	}
	return &Sender{
		Provider: c.provider, Name: name, Kind: "fake", Limits: c.limits,
		Preflight: func(context.Context, sender.Message) ([]string, bool, error) {
			return []string{"a warning"}, true, c.provider.unfit
		},
	}, nil
}

func (c *counter) file(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// order is an order for a campaign with further lines.
func (c *counter) order(id, more string) Order {
	return Order{Name: filepath.Join(c.dir, id+".yaml"), Text: []byte(fmt.Sprintf(`id: %s
sender: promo
message: {type: template, template: {name: order_update, language: en_US, body: ["{{name}}"]}}
recipients: {file: list.csv}
%s
`, id, more))}
}

func (c *counter) prepare(o Order) *Prepared {
	c.t.Helper()
	p, err := c.Prepare(o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.Close)
	return p
}

func (c *counter) launch(id, more string) *Launched {
	c.t.Helper()
	l, err := c.Launch(c.ctx, c.prepare(c.order(id, more)))
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

func (c *counter) state(id string) campaign.State {
	c.t.Helper()
	st, err := c.Status(c.ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return campaign.State(st.State)
}

// refused says that err is an *InvalidError with these words.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), words) {
		t.Errorf("%v is no *InvalidError that says %q", err, words)
	}
}
