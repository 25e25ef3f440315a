package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"sluice/internal/campaign"
	"sluice/internal/keys"
	"sluice/internal/ledger"
	"sluice/internal/parts"
)

const composed = `{"id":%q,"sender":"promo","message":{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name}}"]}}%s}`

// draft makes a draft.
func (c *counter) draft(id, more string) *campaign.Record {
	c.t.Helper()
	g, err := c.Compose([]byte(fmt.Sprintf(composed, id, more)), map[string]string{"team": "crm"}, nil, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	rec, made, err := c.Draft(c.ctx, g)
	if err != nil || !made {
		c.t.Fatal(made, err)
	}
	return rec
}

func (c *counter) part(id string, n int, media, text string) {
	c.t.Helper()
	rec, err := c.Record(c.ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, _, err := c.PutPart(c.ctx, rec, parts.Delivery{N: n, Media: media, Body: strings.NewReader(text)}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) freeze(id string, o FreezeOrder) error {
	rec, err := c.Record(c.ctx, id)
	if err != nil {
		return err
	}
	_, err = c.Freeze(c.ctx, rec, o)
	return err
}

// rows are the rows of a campaign, as its ledger has them.
func rows(ctx context.Context, l *ledger.Ledger, id string) (all []string, err error) {
	err = l.Export(ctx, id, func(r ledger.Row) error {
		all = append(all, fmt.Sprintf("%d %s %s %s %d", r.Row, r.Phone, r.State, r.Reason, r.Batch))
		return nil
	})
	return all, err
}

// The same list in any parts, in CSV or NDJSON, and as one file, is the same
// campaign: fingerprint, batches and rows.
func TestPartsAreTheList(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ids := []string{fmt.Sprintf("f%d", n), fmt.Sprintf("c%d", n), fmt.Sprintf("n%d", n)}
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			"5511987654321,Ana", "5511987654322,Bia", "123,nobody", "5511987654321,again", "\"5511987654323\",\"Li, \"\"Mei\"\"\"",
			"5511987654324,bad", "5511987654325,\"two\nlines\"", "12,", "", "5511987654326,ção",
		}), 1, 40).Draw(rt, "lines")
		header := "phone,name\n"
		c.file("list.csv", header+strings.Join(lines, "\n")+"\n5511987654329,Zoe\n")
		c.launch(ids[0], "")
		lines = append(lines, "5511987654329,Zoe")
		for i, media := range []string{parts.CSV, parts.NDJSON} {
			id := ids[i+1]
			c.draft(id, "")
			var text strings.Builder
			part := 1
			for k, line := range lines {
				if media == parts.CSV {
					if text.Len() == 0 {
						text.WriteString(header)
					}
					text.WriteString(line + "\n")
				} else {
					text.WriteString(ndjson(line) + "\n")
				}
				if k == len(lines)-1 || rapid.IntRange(0, 4).Draw(rt, "cut") == 0 {
					c.part(id, part, media, text.String())
					text.Reset()
					part++
				}
			}
			if err := c.freeze(id, FreezeOrder{}); err != nil {
				rt.Fatal(err)
			}
			if err := c.Import(c.ctx, id); err != nil {
				rt.Fatal(err)
			}
		}
		var want string
		for i, id := range ids {
			rec, err := c.Record(c.ctx, id)
			if err != nil {
				rt.Fatal(err)
			}
			staged, err := c.ledger.Staged(c.ctx, id)
			if err != nil {
				rt.Fatal(err)
			}
			all, err := rows(c.ctx, c.ledger, id)
			if err != nil {
				rt.Fatal(err)
			}
			got := fmt.Sprintf("%s %s %+v %v %s", rec.State, rec.Identity, rec.Plan, staged, strings.Join(all, "\n"))
			if i == 0 {
				want = got
			} else if got != want {
				rt.Fatalf("%s:\n%s\nis not\n%s", id, got, want)
			}
			if left, err := c.rdb.Exists(c.ctx, keys.Parts(id), keys.Part(id, 1)).Result(); err != nil || left > 0 {
				rt.Fatalf("%d keys of its parts are left, %v", left, err)
			}
		}
	})
}

// ndjson is a line of the lists above as JSON.
func ndjson(line string) string {
	if line == "" {
		return ""
	}
	phone, name, _ := strings.Cut(line, ",")
	text, err := json.Marshal(map[string]string{
		"phone": strings.Trim(phone, `"`), "name": strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(name, `"`), `"`), `""`, `"`),
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// What cannot be imported comes back as a draft with its problems, leaves nothing
// staged, and can be mended and launched.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.draft("sale", "")
	c.part("sale", 1, parts.CSV, "phone,name\n12,x\n13,y\n")
	c.part("sale", 2, parts.CSV, "phone,name\n14,z\n")
	if err := c.freeze("sale", FreezeOrder{}); err != nil {
		t.Fatal(err)
	}
	if due, err := c.ImportsDue(c.ctx); err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	if err := c.Import(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	rec, err := c.Record(c.ctx, "sale")
	if err != nil || rec.State != campaign.Draft || !strings.Contains(string(rec.Problems), `"part":2,"line":2`) || strings.Contains(string(rec.Problems), "14,z") {
		t.Fatalf("%s %s %v", rec.State, rec.Problems, err)
	}
	if staged, err := c.ledger.Staged(c.ctx, "sale"); err != nil || len(staged) != 0 {
		t.Errorf("%v, %v", staged, err)
	}
	// In the middle of a longer one: a quote that is never closed, behind what was staged.
	var long strings.Builder
	long.WriteString("phone,name\n")
	for i := range 3000 {
		fmt.Fprintf(&long, "55119%08d,x\n", 10000000+i)
	}
	rec, err = c.Record(c.ctx, "sale")
	if err != nil {
		t.Fatal(err)
	}
	for n, text := range []string{long.String(), "phone,name\n\"" + strings.Repeat("x\n", 5<<20)} {
		if _, _, err := c.PutPart(c.ctx, rec, parts.Delivery{N: n + 1, Media: parts.CSV, Replace: true, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.freeze("sale", FreezeOrder{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Import(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if rec, err = c.Record(c.ctx, "sale"); err != nil || rec.State != campaign.Draft || len(rec.Problems) == 0 {
		t.Fatalf("%s %s %v", rec.State, rec.Problems, err)
	}
	if staged, err := c.ledger.Staged(c.ctx, "sale"); err != nil || len(staged) != 0 {
		t.Errorf("%d batches are left, %v", len(staged), err)
	}
	if gone, err := c.DeletePart(c.ctx, "sale", 2); err != nil || !gone {
		t.Fatal(gone, err)
	}
	rows := 2999
	if err := c.freeze("sale", FreezeOrder{Rows: &rows}); !errors.Is(err, ErrListDiffers) {
		t.Error(err)
	}
	if err := c.freeze("sale", FreezeOrder{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Import(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if rec, err = c.Record(c.ctx, "sale"); err != nil || rec.State != campaign.Running || rec.Plan.Recipients != 3000 || len(rec.Problems) != 0 {
		t.Fatalf("%s %s %v", rec.State, rec.Problems, err)
	}
	if ttl, err := c.rdb.TTL(c.ctx, keys.Campaign("sale")).Result(); err != nil || ttl != -1 {
		t.Errorf("a campaign that runs expires in %v, %v", ttl, err)
	}
	if due, err := c.ImportsDue(c.ctx); err != nil || len(due) != 0 {
		t.Errorf("%v, %v", due, err)
	}
}

func TestDraft(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	rec := c.draft("sale", "")
	same, err := c.Compose(rec.Raw, map[string]string{"team": "crm"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, made, err := c.Draft(c.ctx, same); err != nil || made {
		t.Error(made, err)
	}
	other, err := c.Compose([]byte(fmt.Sprintf(composed, "sale", `,"priority":"high"`)), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Draft(c.ctx, other); !errors.Is(err, campaign.ErrOtherCampaign) {
		t.Error(err)
	}
	if _, err := c.Redraft(c.ctx, "other", other); !errors.Is(err, campaign.ErrChanged) {
		t.Error(err)
	}
	if rec, err = c.Redraft(c.ctx, rec.ETag, other); err != nil || rec.ETag != other.ETag() {
		t.Error(err)
	}
	// The command line's way to the same id, and to a draft's order.
	_, err = c.Launch(c.ctx, c.prepare(c.order("sale", "")))
	refused(t, err, "a draft of this id")
	_, err = c.Compose([]byte(fmt.Sprintf(composed, "x", `,"recipients":{"file":"list.csv"}`)), nil, nil, nil)
	refused(t, err, "recipients.file: not here")
	_, err = c.Compose([]byte(strings.ReplaceAll(fmt.Sprintf(composed, "y", ""), "promo", "nobody")), nil, nil, nil)
	refused(t, err, "sender: there is no sender")
	// Whoever may not speak of a sender learns nothing of it.
	c.provider.refuse = errors.New("message.template.name: not here")
	unfit := []byte(fmt.Sprintf(composed, "y", `,"priority":"urgent"`))
	_, err = c.Compose(unfit, nil, nil, func(string) bool { return false })
	refused(t, err, "sender: there is no such sender for this token")
	if strings.Contains(err.Error(), "message") {
		t.Errorf("what its sender says of the message: %v", err)
	}
	_, err = c.Compose(unfit, nil, nil, nil)
	refused(t, err, "message.template.name: not here")
	refused(t, err, "priority: ")
	c.provider.refuse = nil
	if err := c.Discard(c.ctx, "sale"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Record(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotFound) {
		t.Error(err)
	}
	c.launch("sale", "")
	if err := c.Discard(c.ctx, "sale"); !errors.Is(err, campaign.ErrNotAllowed) {
		t.Error(err)
	}
	if _, _, err := c.Draft(c.ctx, same); !errors.Is(err, campaign.ErrOtherCampaign) {
		t.Error(err)
	}
}

// A meddler does something once, after a command on a key.
type meddler struct {
	name, key string
	do        func()
	once      sync.Once
}

func (m *meddler) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *meddler) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (m *meddler) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if args := cmd.Args(); cmd.Name() == m.name && len(args) > 1 && args[1] == m.key {
			m.once.Do(m.do)
		}
		return err
	}
}

// Whoever looks for imports while a draft is being launched finds a draft, and takes it
// from them: its import is due all the same, once it is launched. Where whoever launches is
// killed right then, to launch again has it imported.
func TestLookedForWhileLaunched(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		c := newCounter(t)
		c.draft("sale", "")
		c.part("sale", 1, parts.CSV, "phone,name\n5511987654321,Ana\n")
		other := redis.NewClient(c.rdb.Options())
		t.Cleanup(func() { other.Close() })
		looker := New(Options{Redis: other, Open: c.open, Now: func() time.Time { return c.time }})
		c.rdb.AddHook(&meddler{name: "sadd", key: keys.Imports(), do: func() {
			if err := looker.Import(c.ctx, "sale"); err != nil {
				t.Error(err)
			}
		}})
		if err := c.freeze("sale", FreezeOrder{}); err != nil {
			t.Fatal(err)
		}
		if killed {
			c.rdb.SRem(c.ctx, keys.Imports(), "sale")
			if err := c.freeze("sale", FreezeOrder{}); err != nil {
				t.Fatal(err)
			}
		}
		if due, err := c.ImportsDue(c.ctx); err != nil || len(due) != 1 {
			t.Errorf("killed %v: %v are to be imported, %v", killed, due, err)
		}
	}
}
