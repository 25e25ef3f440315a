package desk

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/audience"
	"sluice/internal/ledger"
	"sluice/internal/sender"
)

// rules is an order for a campaign whose recipients have a rule.
func (c *counter) rules(id, rule string) Order {
	o := c.order(id, "")
	o.Text = []byte(strings.Replace(string(o.Text), "list.csv", "list.csv, "+rule, 1))
	return o
}

// ended launches a campaign of which the first was accepted and the second rejected.
func (c *counter) ended(id string) {
	c.t.Helper()
	c.launch(id, "")
	claim, err := c.claim(id, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{0, 1}); err != nil {
		c.t.Fatal(err)
	}
	_, err = claim.Settle(c.ctx, []ledger.Settlement{
		{Index: 0, Outcome: sender.Accepted, MessageID: "m", Time: c.time},
		{Index: 1, Outcome: sender.Rejected, Code: "22091", Time: c.time},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.campaigns.Finish(c.ctx, id); err != nil {
		c.t.Fatal(err)
	}
}

// A list is asked of other campaigns: only those who ended so in one get it, and not
// those who were accepted in some within a time. Its digest is that of the list.
func TestOnlyAndExcept(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.ended("first")
	plain := c.launch("plain", "").Counts
	for id, tt := range map[string]struct {
		rule  string
		later time.Duration
		want  string // the numbers that get it
	}{
		"rejected": {"only: {campaign: first, states: [rejected]}", 0, "5511987654322"},
		"both":     {"only: {campaign: first, states: [rejected, accepted]}", 0, "5511987654321 5511987654322"},
		"nobody":   {"only: {campaign: first, states: [in_doubt]}", 0, ""},
		"except":   {"except: {campaigns: [first]}", 1000 * time.Hour, "5511987654322"},
		"lately":   {"except: {campaigns: [plain, first], within: 7d}", 6 * 24 * time.Hour, "5511987654322"},
		"long-ago": {"except: {campaigns: [first], within: 7d}", 8 * 24 * time.Hour, "5511987654321 5511987654322"},
		"two":      {"only: {campaign: first, states: [rejected, accepted]}, except: {campaigns: [first], within: 1h}", 0, "5511987654322"},
	} {
		was := c.time
		c.time = c.time.Add(tt.later)
		l, err := c.Launch(c.ctx, c.prepare(c.rules(id, tt.rule)))
		c.time = was
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		var got []string
		if err := c.ledger.Export(c.ctx, id, func(r ledger.Row) error {
			if r.Index >= 0 {
				got = append(got, r.Phone)
			} else if r.State == "suppressed" && !strings.Contains(r.Reason, "recipients.") {
				t.Errorf("%s: barred, for %q", id, r.Reason)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != tt.want || l.Counts.Rows != 4 || l.Counts.Suppressed != 2-len(got) || l.Counts.Fingerprint != plain.Fingerprint {
			t.Errorf("%s: %v, %+v", id, got, l.Counts)
		}
	}
}

// A rule about what is not to be known is refused, before anything is written.
func TestOnlyAndExceptRefused(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.ended("first")
	o := c.order("cut", "")
	if _, err := c.campaigns.Create(c.ctx, o.Text, c.prepare(o).File()); err != nil {
		t.Fatal(err)
	}
	c.ended("expired")
	if err := c.ledger.Delete(c.ctx, "expired"); err != nil {
		t.Fatal(err)
	}
	for rule, words := range map[string]string{
		"only: {campaign: nobody, states: [rejected]}":  "there is no campaign",
		"only: {campaign: cut, states: [rejected]}":     "not imported to its end",
		"only: {campaign: expired, states: [rejected]}": "the rows of campaign expired have expired",
		"except: {campaigns: [first, expired]}":         "the rows of campaign expired have expired",
		"only: {campaign: first, states: [lost]}":       `recipients.only.states[0]: "lost" is not one of`,
		"only: {campaign: first}":                       "recipients.only.states: needed",
		"only: {states: [accepted]}":                    "recipients.only.campaign: needed",
		"only: {campaign: sale, states: [accepted]}":    "another campaign",
		"except: {campaigns: [sale]}":                   "other campaigns",
		"except: {within: 7d}":                          "recipients.except.campaigns: needed",
		"except: {campaigns: [first], within: a week}":  "no time such as 7d",
	} {
		p, err := c.Prepare(c.rules("sale", rule))
		if err == nil {
			_, err = c.Launch(c.ctx, p)
			p.Close()
		}
		refused(t, err, words)
	}
	if _, err := c.campaigns.Get(c.ctx, "sale"); err == nil {
		t.Error("it was created all the same")
	}
}

// Asked again, the rules hold by what is on record now; nothing has changed where
// nothing has.
func TestOthersAreAskedAgain(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.launch("first", "")
	p := c.prepare(c.rules("sale", "except: {campaigns: [first]}"))
	if _, err := c.Launch(c.ctx, p); err != nil {
		t.Fatal(err)
	}
	rec, err := c.campaigns.Get(c.ctx, "sale")
	if err != nil {
		t.Fatal(err)
	}
	a, err := audience.New(audience.Options{Ledger: c.ledger, Campaigns: c.campaigns, Index: c.index(), Now: c.now}, p.File().Recipients)
	if err != nil {
		t.Fatal(err)
	}
	phones := []string{"5511987654321", "551187654321", "5511987654322", "5511999999999"}
	check := func(same bool, barred string) {
		t.Helper()
		version, err := a.Version(c.ctx)
		if err != nil || version == rec.Named != same {
			t.Errorf("version %q, at the import %q, %v", version, rec.Named, err)
		}
		reasons, err := a.Again(c.ctx, phones)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range reasons {
			got += map[bool]string{true: "-", false: "x"}[r == ""]
		}
		if got != barred {
			t.Errorf("barred %s, not %s", got, barred)
		}
	}
	check(true, "----")
	claim, err := c.claim("first", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Begin(c.ctx, []int{0}); err != nil {
		t.Fatal(err)
	}
	c.accepts(claim, 0)
	check(false, "xx--")
	if err := c.ledger.Delete(c.ctx, "first"); err != nil {
		t.Fatal(err)
	}
	check(false, "----")
}
