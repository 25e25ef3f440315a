package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender"
)

const (
	private = "zq8-private-text"
	least   = `id: spring-sale-br
sender: promo-br
message:
  type: template
  template:
    name: spring_sale
    language: pt_BR
    body: ["{{first_name|friend}}", "{{discount}}"]
recipients:
  file: recipients.csv
`
)

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(least), "dir/spring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		ID: "spring-sale-br", Sender: "promo-br", OnDoubt: Hold, MaxAttempts: 5, Priority: "normal",
		Message: sender.Message{Type: "template", Template: &sender.Template{
			Name: "spring_sale", Language: "pt_BR", Body: []string{"{{first_name|friend}}", "{{discount}}"},
		}},
		Recipients: Recipients{File: "dir/recipients.csv", Phone: "phone", Encoding: "auto", Numbers: "auto"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(File{})); diff != "" {
		t.Error(diff)
	}
	if got.Settings().Weight() != 2 {
		t.Errorf("weight %d", got.Settings().Weight())
	}
}

func TestParseEverything(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(`id: a
sender: s
message:
  type: template
  template:
    name: n
    language: en
    header: {image: "https://cdn.example.com/{{sku}}.jpg"}
    body: ["1.10", "007"]
    buttons:
      - {index: 0, url: "{{code}}"}
      - {index: 1, copy_code: "{{coupon}}"}
recipients: {file: /abs/list.csv.gz, phone: Telefon, default_country: BR, encoding: gbk, numbers: full, strict: true}
on_doubt: resend
max_attempts: 20
rate: {messages_per_second: 0.5}
priority: high
start_at: 2026-11-22T09:00:00-03:00
window: {from: "20:00", to: "09:00", timezone: recipient}
`), "x/y.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if !got.StartAt.Equal(at) {
		t.Errorf("starts at %v", got.StartAt)
	}
	got.StartAt = at
	want := &File{
		ID: "a", Sender: "s", OnDoubt: Resend, MaxAttempts: 20, Priority: "high", StartAt: at,
		Message: sender.Message{Type: "template", Template: &sender.Template{
			Name: "n", Language: "en", Header: &sender.Header{Image: "https://cdn.example.com/{{sku}}.jpg"}, Body: []string{"1.10", "007"},
			Buttons: []sender.Button{{Index: 0, URL: "{{code}}"}, {Index: 1, CopyCode: "{{coupon}}"}},
		}},
		Recipients: Recipients{File: "/abs/list.csv.gz", Phone: "Telefon", DefaultCountry: "BR", Encoding: "gbk", Numbers: "full", Strict: true},
		Rate:       Rate{MessagesPerSecond: 0.5},
		Window:     &Window{From: "20:00", To: "09:00", Timezone: "recipient"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(File{})); diff != "" {
		t.Error(diff)
	}
	if got.Settings().Weight() != 4 {
		t.Errorf("weight %d", got.Settings().Weight())
	}
	if got.Priority = "low"; got.Settings().Weight() != 1 {
		t.Errorf("weight of low %d", got.Settings().Weight())
	}
}

func TestTheExamplesHold(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../examples/campaign*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("there is no example", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data, path); err != nil {
			t.Error(err)
		}
	}
}

func TestRecipientsFileIsBesideTheCampaign(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"l.csv": "/d/e/l.csv", "../l.csv": "/d/l.csv", "/l.csv": "/l.csv", "-": "-"} {
		f, err := Parse([]byte(strings.Replace(least, "recipients.csv", `"`+file+`"`, 1)), "/d/e/c.yaml")
		if err != nil || f.Recipients.File != want {
			t.Errorf("%s: %v, %v; want %s", file, f, err, want)
		}
	}
}

// Each case is lines put after the least file, or instead of one of its lines,
// and what the error must begin with.
func TestInvalidFiles(t *testing.T) {
	t.Parallel()
	instead := func(field, text string) string {
		var out []string
		for l := range strings.Lines(least) {
			if strings.HasPrefix(strings.TrimSpace(l), field+":") {
				l = text
			}
			out = append(out, l)
		}
		return strings.Join(out, "")
	}
	for name, tt := range map[string]struct{ file, want string }{
		"empty":                {"", "1: it is empty"},
		"a text":               {private, "1: "},
		"two documents":        {least + "---\n" + least, "1: it holds several documents"},
		"unknown key":          {least + "on_doubts: hold\n", "11: on_doubts: unknown key"},
		"unknown deep":         {instead("name", "    name: x\n    lang: y\n"), "7: message.template.lang: unknown key"},
		"twice":                {least + "id: b\n", `11: mapping key "id"`},
		"no id":                {instead("id", ""), "1: id: needed"},
		"long id":              {instead("id", "id: "+strings.Repeat("a", 41)+"\n"), "1: id: needed"},
		"id begins with -":     {instead("id", "id: -a\n"), "1: id: needed"},
		"capital id":           {instead("id", "id: A\n"), "1: id: needed"},
		"id with a brace":      {instead("id", "id: \"a}\"\n"), "1: id: needed"},
		"id with a newline":    {instead("id", "id: \"a\\n\"\n"), "1: id: needed"},
		"no sender":            {instead("sender", ""), "1: sender: needed"},
		"no type":              {instead("type", ""), "3: message.type: needed"},
		"no recipients":        {instead("file", "  phone: p\n"), "9: recipients.file: needed"},
		"country":              {least + "  default_country: Brazil\n", "11: recipients.default_country: two capital"},
		"encoding":             {least + "  encoding: klingon\n", `11: recipients.encoding: there is no encoding "klingon"`},
		"strict":               {least + "  strict: 1\n", "11: "},
		"on_doubt":             {least + "on_doubt: drop\n", `11: on_doubt: "drop" is not one of`},
		"attempts":             {least + "max_attempts: 21\n", "11: max_attempts: between 1 and 20"},
		"negative attempts":    {least + "max_attempts: -1\n", "11: max_attempts: between"},
		"half an attempt":      {least + "max_attempts: 1.5\n", "11: max_attempts: must be a whole number"},
		"attempts in words":    {least + "max_attempts: five\n", "11: max_attempts: must be a number, not a text"},
		"huge attempts":        {least + "max_attempts: 99999999999999999999999\n", "11: "},
		"priority":             {least + "priority: urgent\n", `11: priority: "urgent" is not`},
		"rate":                 {least + "rate: {messages_per_second: 0.05}\n", "11: rate.messages_per_second: between"},
		"rate too high":        {least + "rate: {messages_per_second: 10001}\n", "11: rate.messages_per_second: between"},
		"rate no number":       {least + "rate: {messages_per_second: .nan}\n", "11: rate.messages_per_second: would not be read"},
		"rate unbounded":       {least + "rate: {messages_per_second: .inf}\n", "11: rate.messages_per_second: would not be read"},
		"start in words":       {least + "start_at: tomorrow\n", "11: start_at: not a time with its zone"},
		"start without a zone": {least + "start_at: 2026-11-22T09:00:00\n", "11: start_at: not a time with its zone"},
		"start, a day":         {least + "start_at: 2026-11-22\n", "11: start_at: not a time with its zone"},
		"start, zone in words": {least + "start_at: 2026-11-22 09:00:00 BRT\n", "11: start_at: not a time with its zone"},
		"start, number":        {least + "start_at: 1795000000\n", "11: "},
		"start, empty text":    {least + "start_at: \"\"\n", "11: start_at: not a time with its zone"},
		"window empty":         {least + "window: {from: \"09:00\", to: \"09:00\", timezone: UTC}\n", "11: window: from and to are the same"},
		"window same":          {least + "window: {from: \"09:00\", to: \"9:00\", timezone: UTC}\n", "11: window: from and to are the same"},
		"window from":          {least + "window:\n  from: 9am\n  to: \"20:00\"\n  timezone: UTC\n", "12: window.from: "},
		"window to":            {least + "window:\n  from: \"09:00\"\n  to: \"24:00\"\n  timezone: UTC\n", "13: window.to: "},
		"window to missing":    {least + "window:\n  from: \"09:00\"\n  timezone: UTC\n", "11: window.to: "},
		"window without zone":  {least + "window: {from: \"09:00\", to: \"10:00\"}\n", "11: window.timezone: needed"},
		"window zone":          {least + "window: {from: \"09:00\", to: \"10:00\", timezone: Brazil/Paris}\n", "11: window.timezone: there is no"},
		"window zone local":    {least + "window: {from: \"09:00\", to: \"10:00\", timezone: Local}\n", "11: window.timezone: there is no"},
		"open placeholder":     {instead("body", "    body:\n      - fine\n      - \""+private+" {{x\"\n"), "10: message.template.body[1]: a placeholder is opened"},
		"empty placeholder":    {instead("body", "    body: [\""+private+" {{ |x}}\"]\n"), "8: message.template.body[0]: a placeholder {{}} names no column"},
		"placeholder unquoted": {instead("name", "    name: {{"+private+"}}\n"), "6: could not find flow map content; a text that begins with {{ needs quotes"},
		"octal in a text":      {instead("body", "    body: [007]\n"), "8: message.template.body[0]: would not be read as it is written"},
		"price in a text":      {instead("body", "    body: [1.10]\n"), "8: message.template.body[0]: would not be read as it is written"},
		"alias":                {instead("name", "    name: *"+private+"\n"), "6: message.template.name: a text that begins with &, * or !"},
		"body a text":          {instead("body", "    body: "+private+"\n"), "8: "},
		"list for a text":      {instead("name", "    name: ["+private+"]\n"), "6: message.template.name: must be a text, not a list"},
		"quote not closed":     {instead("body", "    body: [\""+private+"]\n"), "8: "},
		"half an index":        {instead("body", "    buttons: [{index: 0.5, url: x}]\n"), "8: message.template.buttons[0].index: must be a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse([]byte(tt.file), "c.yaml")
			if err == nil {
				t.Fatalf("it was taken: %+v", f)
			}
			if !strings.HasPrefix(lineOnly(err), "c.yaml:"+tt.want) {
				t.Errorf("error %q; want it to begin with %q", err, "c.yaml:"+tt.want)
			}
			if strings.Contains(err.Error(), private) {
				t.Errorf("the error holds a text of the message: %v", err)
			}
		})
	}
}

// Faults of every kind are told in one answer, each once and in its place, and none
// that follows from another.
func TestAllFaultsOfAFileAtOnce(t *testing.T) {
	t.Parallel()
	_, err := ParseFor(Rules{
		Sender: func(name string) error {
			return fmt.Errorf("sender: there is no sender %q; there are: %s", name, "promo")
		},
		Message: func(*File) error { panic("a message with faults is nobody's to compile") },
	}, []byte(`id: Spring
sender: promo-br
message:
  type: 1.10
  template:
    nam: spring_sale
    language: [pt_BR]
    body:
      - 007
      - "{{}}"
      - "{{a|{b}}}"
      - "fine"
    buttons: [{index: 0.5, url: "{{x"}]
recipients:
  files: list.csv
  keep: [a, "", 0x1]
  only: {campaign: Spring, states: [accepted, gone, 01]}
  except: {within: soon}
  encoding: klingon
  phon: tel
window: {from: 9am, to: 010, timezone: Mars}
start_at: tomorrow
max_attempts: 21
max_attempts: 3
priorty: urgent
rate: {messages_per_second: 0.05}
`), "c.yaml")
	want := []string{
		"1:5: id: needed, up to 40",
		`2:9: sender: there is no sender "promo-br"; there are: promo`,
		"4:9: message.type: would not be read",
		"6:5: message.template.nam: unknown key; did you mean name?",
		"7:15: message.template.language: must be a text, not a list",
		"9:9: message.template.body[0]: would not be read",
		"10:9: message.template.body[1]: a placeholder {{}}",
		"11:9: message.template.body[2]: braces stand inside",
		"13:23: message.template.buttons[0].index: must be a whole number",
		"13:33: message.template.buttons[0].url: a placeholder is opened",
		"15:10: recipients.files: must be a list, not a text",
		"16:13: recipients.keep[1]: a column has no name",
		"16:17: recipients.keep[2]: would not be read",
		"17:20: recipients.only.campaign: another campaign",
		`17:47: recipients.only.states[1]: "gone" is not one of`,
		"17:53: recipients.only.states[2]: would not be read",
		"18:3: recipients.except.campaigns: needed",
		`18:20: recipients.except.within: "soon" is no time`,
		"19:13: recipients.encoding: there is no",
		"20:3: recipients.phon: unknown key; did you mean phone?",
		"21:16: window.from: ",
		"21:25: window.to: would not be read",
		"21:40: window.timezone: there is no time zone",
		"22:11: start_at: not a time",
		"23:15: max_attempts: between 1 and 20",
		`24:1: mapping key "max_attempts" already defined at [23:1]`,
		"25:1: priorty: unknown key; did you mean priority?",
		"26:29: rate.messages_per_second: between",
	}
	got := strings.Split(fmt.Sprint(err), "\n")
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("not told: %s", want[i])
		case i >= len(want):
			t.Errorf("told: %s", got[i])
		case !strings.HasPrefix(got[i], "c.yaml:"+want[i]):
			t.Errorf("told %s; want %s", got[i], want[i])
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	parse := func(text, name string) *File {
		f, err := Parse([]byte(text), name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	base := parse(least, "a/c.yaml")
	for name, same := range map[string]*File{
		"path":     parse(least, "b/c.yaml"),
		"file":     parse(strings.Replace(least, "recipients.csv", "other.csv", 1), "a/c.yaml"),
		"defaults": parse(least+"  phone: phone\n  encoding: utf-8\non_doubt: hold\nmax_attempts: 5\npriority: normal\n", "a/c.yaml"),
		"steering": parse(least+"priority: high\nrate: {messages_per_second: 3}\nmax_attempts: 2\nstart_at: 2026-11-22T09:00:00Z\n"+
			"window: {from: \"01:00\", to: \"02:00\", timezone: UTC}\n", "a/c.yaml"),
		"encoding": parse(least+"  encoding: UTF8\n", "a/c.yaml"),
		"comments": parse("# a comment\n"+least, "a/c.yaml"),
	} {
		if same.Identity() != base.Identity() || same.differences(base) != "" {
			t.Errorf("%s makes another campaign", name)
		}
	}
	for text, want := range map[string]string{
		strings.Replace(least, "promo-br", "promo-id", 1):                                               "sender",
		strings.Replace(least, "pt_BR", "pt_PT", 1):                                                     "message",
		strings.Replace(least, "friend", "you", 1):                                                      "message",
		least + "  phone: tel\n":                                                                        "way to read its recipients",
		least + "  strict: true\n":                                                                      "way to read its recipients",
		strings.Replace(least, "promo-br", "x", 1) + "  default_country: BR\n":                          "sender and another way to read its recipients",
		strings.Replace(least, `"{{first_name|friend}}", "{{discount}}"`, `"{{first_name|friend}}"`, 1): "message",
	} {
		other := parse(text, "a/c.yaml")
		if other.Identity() == base.Identity() {
			t.Errorf("the same campaign with another %s", want)
		}
		if got := other.differences(base); got != want {
			t.Errorf("differs in %q; want %q", got, want)
		}
	}
}

// Whatever the file: no panic, errors have their line, and what is taken is
// within bounds, reads the same again and has a window that opens.
func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(least + "start_at: 2026-11-22T09:00:00-03:00\nwindow: {from: \"09:00\", to: \"20:00\", timezone: America/Sao_Paulo}\n"))
	f.Add([]byte(least + "rate: {messages_per_second: 20}\nmax_attempts: 3\npriority: low\non_doubt: resend\n"))
	f.Add([]byte("a: &a [*a, *a]\nb: !!x {<<: *a}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(data, "c.yaml")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "c.yaml:") || err.Error()[7] < '1' || err.Error()[7] > '9' {
				t.Fatalf("an error without a line: %v", err)
			}
			return
		}
		if !idPattern.MatchString(got.ID) || got.MaxAttempts < 1 || got.MaxAttempts > 20 || got.Recipients.File == "" ||
			!(got.Rate.MessagesPerSecond >= 0 && got.Rate.MessagesPerSecond <= 10_000) {
			t.Fatalf("out of bounds: %+v", got)
		}
		again, err := Parse(data, "c.yaml")
		if err != nil || again.Identity() != got.Identity() {
			t.Fatalf("read twice, not the same: %v", err)
		}
		now := time.Unix(1_790_000_000, 0)
		if opens := got.Window.Next(now); opens.Before(now) || opens.Sub(now) > 49*time.Hour {
			t.Fatalf("window %+v opens %s", got.Window, opens)
		}
		if w := parseWindow(got.Window.text()); got.Window != nil && (w == nil || *w != *got.Window) {
			t.Fatalf("window %+v stored as %+v", got.Window, w)
		}
	})
}

// column is in an error behind the line.
var column = regexp.MustCompile(`^(\S+?:\d+):\d+: `)

// lineOnly is an error without its column.
func lineOnly(err error) string { return column.ReplaceAllString(fmt.Sprint(err), "$1: ") }
