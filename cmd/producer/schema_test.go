package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/receipt"
	"sluice/internal/sender"
)

// A held schema is one that outputs are held against.
type held struct {
	t      *testing.T
	name   string
	schema *jsonschema.Schema
	fields map[string]bool // that it describes
	seen   map[string]bool // that came
}

// hold takes a schema as the command prints it.
func (d *operator) hold(name string) *held {
	d.t.Helper()
	raw, err := jsonschema.UnmarshalJSON(strings.NewReader(d.must("schema", name)))
	if err != nil {
		d.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, raw); err != nil {
		d.t.Fatal(err)
	}
	h := &held{t: d.t, name: name, fields: map[string]bool{}, seen: map[string]bool{}}
	if h.schema, err = c.Compile(name); err != nil {
		d.t.Fatal(err)
	}
	described(h.fields, "", raw)
	return h
}

// described notes the path of each property.
func described(to map[string]bool, path string, schema any) {
	s, _ := schema.(map[string]any)
	properties, _ := s["properties"].(map[string]any)
	for name, sub := range properties {
		to[path+"."+name] = true
		described(to, path+"."+name, sub)
	}
	if items, ok := s["items"]; ok {
		described(to, path+"[]", items)
	}
	if values, ok := s["additionalProperties"].(map[string]any); ok {
		to[path+".*"] = true
		described(to, path+".*", values)
	}
}

// takes holds each line of an output against the schema.
func (h *held) takes(out string) {
	h.t.Helper()
	if out == "" {
		h.t.Errorf("%s: nothing was printed", h.name)
	}
	for line := range strings.Lines(out) {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = h.schema.Validate(value)
		}
		if err != nil {
			h.t.Errorf("%s: %v\n%s", h.name, err, line)
		}
		h.came("", value)
	}
}

func (h *held) came(path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, sub := range v {
			at := path + "." + name
			if !h.fields[at] && h.fields[path+".*"] {
				at = path + ".*"
			}
			if !h.fields[at] {
				h.t.Errorf("the schema %s has no %s: describe it in internal/jsonschema/%s.json and docs/cli.md", h.name, at, h.name)
			}
			h.seen[at] = true
			h.came(at, sub)
		}
	case []any:
		for _, sub := range v {
			h.came(path+"[]", sub)
		}
	}
}

// complete says which fields of the schema never came.
func (h *held) complete(but ...string) {
	h.t.Helper()
	for _, field := range slices.Sorted(maps.Keys(h.fields)) {
		if !h.seen[field] && !slices.Contains(but, field) {
			h.t.Errorf("the schema %s has %s, which never came", h.name, field)
		}
	}
}

// What status, plan and export print is what their schemas say, and each field of the
// schemas comes in some campaign's life.
func TestOutputsAreAsTheirSchemas(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	account, plan, row := d.hold("status"), d.hold("plan"), d.hold("export")
	send := func(id, more string) { d.must("send", d.campaign(id, more), "--no-preflight") }

	plan.takes(d.must("send", d.campaign("sale", "rate: {messages_per_second: 2}"), "--no-preflight", "--dry-run", "--json"))
	plan.takes(d.must("send", d.campaign("sale", ""), "--no-preflight", "--dry-run", "--json"))
	plan.complete()

	account.takes(d.must("send", d.campaign("sale", "rate: {messages_per_second: 2}"), "--no-preflight", "--json"))
	send("later", "start_at: 2099-01-01T00:00:00Z")
	shut := time.Now().UTC().Add(12 * time.Hour)
	send("shut", `window: {from: "`+shut.Format("15:04")+`", to: "`+shut.Add(time.Hour).Format("15:04")+`", timezone: UTC}`)
	send("halted", "")
	if _, err := d.campaigns.HaltAt(d.ctx, "halted", 1, "1002", "1002: a parameter is wrong"); err != nil {
		t.Fatal(err)
	}
	send("skipped", "")
	d.must("resume", "skipped", "--skip-row", "1")
	d.must("pause", "skipped")
	d.create("importing")
	send("gone", "")
	d.must("cancel", "gone")
	d.retire("gone", true)
	account.takes(d.must("status", "--json"))

	l := ledger.New(d.rdb, time.Now)
	beat := ledger.Heartbeat{Worker: "w", Senders: []string{"promo"}, Circuits: map[string]ledger.Circuit{"promo": {Since: time.Now(), Code: "http_503"}}}
	if _, err := l.Beat(d.ctx, beat, time.Minute); err != nil {
		t.Fatal(err)
	}
	pace := ratelimit.New(d.rdb, ratelimit.Options{Worker: "w", Log: zerolog.Nop()}).Sender("promo", ratelimit.Limits{MessagesPerSecond: 100, MessagesPerDay: 1})
	defer pace.Close()
	for range 2 { // the second is refused: the day is used up
		_, _ = pace.Take(d.ctx, ratelimit.Ask{Campaign: "sale", Weight: 2, Want: 1})
	}
	account.takes(d.must("status", "--json"))
	if err := pace.Throttled(d.ctx, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, e := range []sender.Event{
		{Kind: sender.Warning, Word: "NUMBER_QUALITY", Detail: "FLAGGED", Time: time.Now()}, {Kind: sender.DayLimit, Limit: 250, Time: time.Now()},
	} {
		if err := receipt.EffectsOn(d.rdb, nil).Note(d.ctx, "promo", &e); err != nil {
			t.Fatal(err)
		}
	}
	account.takes(d.must("status", "sale", "--json"))
	account.complete(".receipts.codes.*") // of receipts, which nobody takes here

	row.takes(d.must("export", "skipped", "--json"))
	row.takes(d.must("export", "skipped", "--json", "--columns", "all"))
	row.complete()
}

// Whatever a command answers with --json is JSON, and docs/cli.md names each field of
// it; an error too is one object, of one shape.
func TestEveryAnswerInJSON(t *testing.T) {
	t.Parallel()
	d := newOperator(t)
	docs := readDocs(t)
	fields := map[string]bool{}
	answer := func(args ...string) {
		t.Helper()
		out := d.must(append(args, "--json")...)
		if out == "" {
			t.Errorf("%v: nothing was printed", args)
		}
		for line := range strings.Lines(out) {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				t.Errorf("%v: %v\n%s", args, err, line)
			}
			for name := range object {
				fields[name] = true
			}
		}
	}
	file := d.campaign("sale", "")
	answer("preview", file, "--no-preflight")
	answer("send", file, "--no-preflight")
	answer("status", "sale")
	answer("find", "5511987654321")
	answer("list")
	answer("set", "sale", "--rate", "2")
	answer("pause", "sale")
	answer("resume", "sale")
	answer("resume", "sale", "--skip-row", "1")
	answer("resume", "sale", "--clear-pause")
	answer("resolve", "sale", "--in-doubt", "accept")
	answer("verify", "sale")
	answer("export", "sale")
	answer("suppress", "add", "5511987654399")
	answer("suppress", "list")
	answer("suppress", "remove", "5511987654399")
	answer("suppress", "import", d.file("numbers.txt", "5511987654398\n"))
	answer("cancel", "sale")
	if _, err := ledger.New(d.rdb, time.Now).Beat(d.ctx, ledger.Heartbeat{Worker: "w"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	answer("workers")
	for name := range fields {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("docs/cli.md does not name the field %s", name)
		}
	}
	d.create("half")
	for _, c := range []struct {
		kind string
		exit int
		args []string
	}{
		{"usage", 2, []string{"status", "--nonsense"}},
		{"usage", 2, []string{"export"}},
		{"invalid", 2, []string{"send", d.file("bad.yaml", "id: bad\nspeed: 1\n")}},
		{"not_found", 1, []string{"status", "nobody"}},
		{"not_allowed", 1, []string{"set", "sale", "--rate", "1"}},
		{"exists", 2, []string{"send", d.file("half2.yaml", strings.Replace(d.create("half"), "order_update", "another", 1)), "--no-preflight"}},
		{"provider", 1, []string{"send", d.campaign("new", "")}},
	} {
		out, said, code := d.run(append(c.args, "--json")...)
		var got failure
		dec := json.NewDecoder(strings.NewReader(said))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got); err != nil || got.Error.Kind != c.kind || got.Error.Exit != c.exit || code != c.exit || got.Error.Message == "" || out != "" {
			t.Errorf("%v: exit code %d, %v, %s%s", c.args, code, err, out, said)
		}
		if !strings.Contains(docs, "`"+c.kind+"`") {
			t.Errorf("docs/cli.md does not name the kind %s", c.kind)
		}
	}
}

// Nobody is told twice, and nobody who did not ask in JSON in JSON.
func TestPrintError(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{"": nil, "producer: halted\n": {"status", "--", "--json"}} {
		var out bytes.Buffer
		err := errNotAllAccepted
		if args != nil {
			err = errHalted
		}
		if printError(&out, err, wantsJSON(args)); out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
