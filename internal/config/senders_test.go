package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	marker = "s3cr3t-marker"
	nx     = `senders:
  promo-br:
    provider: nxcloud
    tenant_id: 1
    appkey: own-appkey
    business_phone: "8615800001795"
    access_key: own-access-key
    access_secret: ${NX_SECRET}
`
)

func environment(name string) string {
	return map[string]string{"NX_SECRET": marker, "INNO_TOKEN": marker + "2", "HOST": "127.0.0.1:8099"}[name]
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadSenders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "\n  "+marker+"\t\n")
	path := write(t, dir, "senders.yaml", nx+`  full:
    provider: some-other
    url: http://${HOST}
    code: 007${HOST}
    list: ["${HOST}", {a: "x${HOST}y"}]
    token_file: secret
    on: true
    timeout: 1m
    limits: {messages_per_second: 80, requests_per_second: 0.5, messages_per_day: 10000, in_flight: 7, max_burst_seconds: 2, max_pause_seconds: 60}
`)
	changed := time.UnixMilli(1_700_000_000_123)
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSenders(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	stamp := changed.UnixMilli()
	want := Senders{
		"promo-br": {Name: "promo-br", Provider: "nxcloud", Timeout: 15 * time.Second, Limits: Limits{InFlight: 64, MaxBurstSeconds: 1, MaxPauseSeconds: 900}, Stamp: stamp},
		"full": {
			Name: "full", Provider: "some-other", Timeout: time.Minute, Stamp: stamp,
			Limits: Limits{MessagesPerSecond: 80, RequestsPerSecond: 0.5, MessagesPerDay: 10000, InFlight: 7, MaxBurstSeconds: 2, MaxPauseSeconds: 60},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Sender{}, "Own")); diff != "" {
		t.Error(diff)
	}
	var own settings
	for range 2 { // it may be asked again
		own = settings{}
		if err := got["full"].Own.Decode(&own); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(settings{URL: "http://127.0.0.1:8099", Code: "007127.0.0.1:8099", List: []any{"127.0.0.1:8099", map[string]any{"a": "x127.0.0.1:8099y"}}, Token: marker, On: true}, own); diff != "" {
		t.Error(diff)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if shown := fmt.Sprintf(verb, got["full"]); strings.Contains(shown, marker) || strings.Contains(shown, "8099") {
			t.Errorf("%s shows %s", verb, shown)
		}
	}
	if _, err := got.Get("promo"); err == nil || !strings.Contains(err.Error(), "full, promo-br") {
		t.Errorf("the error names no senders: %v", err)
	}
}

type settings struct {
	URL   string `yaml:"url"`
	Code  string `yaml:"code"`
	List  []any  `yaml:"list"`
	Token string `yaml:"token" file:"token_file"`
	On    bool   `yaml:"on"`
}

// A sender is the same whatever its rates, its lines and its comments, and
// another with any other setting, or another secret in the same file.
func TestSameButRates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "one")
	load := func(text string) Sender {
		t.Helper()
		got, err := parseSenders([]byte("senders:\n"+text), filepath.Join(dir, "s.yaml"), environment)
		if err == nil {
			err = got["a"].Own.Decode(new(settings))
		}
		if err != nil {
			t.Fatal(err)
		}
		return got["a"]
	}
	const base = "  a: {provider: p, url: x, token_file: secret}\n"
	is := load(base)
	for text, want := range map[string]bool{
		base: true,
		"  # moved\n  b: {provider: p}\n  a:\n    provider: p\n    url: \"x\" # a comment\n    token_file: secret\n": true,
		"  a: {provider: p, url: x, token_file: secret, limits: {messages_per_second: 3}}\n":                         true,
		"  a: {provider: p, url: x, token_file: secret, limits: {in_flight: 3}}\n":                                   false,
		"  a: {provider: p, url: x, token_file: secret, timeout: 3s}\n":                                              false,
		"  a: {provider: q, url: x, token_file: secret}\n":                                                           false,
		"  a: {provider: p, url: y, token_file: secret}\n":                                                           false,
		"  a: {provider: p, url: x, token: one}\n":                                                                   true,
		"  a: {provider: p, url: x, token: two}\n":                                                                   false,
		"  a: {provider: p, url: x, token_file: secret, on: true}\n":                                                 false,
	} {
		if other := load(text); other.SameButRates(is) != want || is.SameButRates(other) != want {
			t.Errorf("%s: the same: %t", text, !want)
		}
	}
	write(t, dir, "secret", "two")
	if load(base).SameButRates(is) {
		t.Error("another secret in the same file is not noticed")
	}
}

// Each case is a file and what its error must begin with: line, sender, field.
func TestInvalidSenders(t *testing.T) {
	t.Parallel()
	line := func(base, field, text string) string {
		var out []string
		for l := range strings.Lines(base) {
			if strings.HasPrefix(strings.TrimSpace(l), field+":") {
				l = text
			}
			out = append(out, l)
		}
		return strings.Join(out, "")
	}
	tests := map[string]struct{ file, want string }{
		"empty":              {"", "1: it is empty"},
		"comment alone":      {"# nothing\n", "1: it is empty"},
		"no senders":         {"senders: {}\n", "1: senders: there is none"},
		"a list":             {"- a\n", "1: "},
		"two documents":      {nx + "---\n" + nx, "1: it holds several documents"},
		"unknown limit":      {nx + "    limits: {per_second: 3}\n", "9: senders.promo-br.limits.per_second: unknown key"},
		"unknown top":        {nx + "sender: 3\n", "9: sender: unknown key"},
		"twice the same":     {nx + "    tenant_id: 2\n", `9: mapping key "tenant_id" already defined`},
		"syntax":             {nx + "    base_url: [x\n", "9: "},
		"name":               {"senders:\n  a b:\n    provider: nxcloud\n", `1: senders: the name "a b"`},
		"empty sender":       {"senders:\n  a:\n", "2: senders.a.provider: "},
		"secret an alias":    {line(nx, "access_secret", "    access_secret: *"+marker+"\n"), "8: senders.promo-br.access_secret: a text that begins with &, * or ! needs quotes"},
		"secret an anchor":   {line(nx, "access_secret", "    access_secret: &"+marker+" x\n"), "8: senders.promo-br.access_secret: a text that begins with &, * or ! needs quotes"},
		"secret a tag":       {line(nx, "access_secret", "    access_secret: !"+marker+"\n"), "8: "},
		"secret not closed":  {line(nx, "access_secret", "    access_secret: '"+marker+"\n"), "8: "},
		"variable not set":   {strings.Replace(nx, "NX_SECRET", "NO_SECRET", 1), "8: senders.promo-br.access_secret: the environment variable NO_SECRET is not set"},
		"variable of a url":  {nx + "    base_url: ${NO_URL}\n", "9: senders.promo-br.base_url: the environment variable NO_URL is not set"},
		"timeout a number":   {nx + "    timeout: 15\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout a word":     {nx + "    timeout: " + marker + "\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout long":       {nx + "    timeout: 121s\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout short":      {nx + "    timeout: 999ms\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"messages negative":  {nx + "    limits: {messages_per_second: -1}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages too slow":  {nx + "    limits: {messages_per_second: 0.09}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages too fast":  {nx + "    limits: {messages_per_second: 10001}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages no number": {nx + "    limits: {messages_per_second: .nan}\n", "9: senders.promo-br.limits.messages_per_second: would not be read"},
		"burst no number":    {nx + "    limits: {max_burst_seconds: .inf}\n", "9: senders.promo-br.limits.max_burst_seconds: would not be read"},
		"requests":           {nx + "    limits:\n      in_flight: 3\n      requests_per_second: -3\n", "11: senders.promo-br.limits.requests_per_second: "},
		"per day":            {nx + "    limits: {messages_per_day: -1}\n", "9: senders.promo-br.limits.messages_per_day: "},
		"per day half":       {nx + "    limits: {messages_per_day: 250.5}\n", "9: senders.promo-br.limits.messages_per_day: must be a whole number"},
		"in flight":          {nx + "    limits: {in_flight: -4}\n", "9: senders.promo-br.limits.in_flight: "},
		"burst":              {nx + "    limits: {max_burst_seconds: 11}\n", "9: senders.promo-br.limits.max_burst_seconds: "},
		"pause":              {nx + "    limits: {max_pause_seconds: 90000}\n", "9: senders.promo-br.limits.max_pause_seconds: "},
		"limits a list":      {nx + "    limits: [1]\n", "9: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "empty", " \n")
			path := write(t, dir, "senders.yaml", tt.file)
			_, err := LoadSenders(path, environment)
			if err == nil {
				t.Fatal("it was taken")
			}
			text, found := strings.CutPrefix(lineOnly(err), path+":")
			if !found || !strings.HasPrefix(text, tt.want) {
				t.Errorf("error %q; want it to begin with %q", text, tt.want)
			}
			if strings.Contains(text, marker) {
				t.Errorf("the error holds a secret: %s", text)
			}
		})
	}
}

func TestLoadSendersWithoutFile(t *testing.T) {
	t.Parallel()
	_, err := LoadSenders(filepath.Join(t.TempDir(), "none.yaml"), environment)
	if err == nil || !strings.Contains(err.Error(), "--senders") {
		t.Errorf("the error does not say what to set: %v", err)
	}
}

func TestErrorsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	file := []byte("senders:\n  b: {timeout: 1}\n  a: {timeout: 2}\n  c: {timeout: 3}\n")
	for range 20 {
		if _, err := parseSenders(file, "f", environment); err == nil || !strings.Contains(err.Error(), "senders.a.") {
			t.Fatalf("not the first sender's error: %v", err)
		}
	}
}

// Whatever the file holds: no panic, no secret in the error, and what is taken
// keeps the bounds that the rest of the program relies on.
func FuzzSenders(f *testing.F) {
	f.Add([]byte(nx), "x")
	f.Add([]byte("senders: {a: {provider: nxcloud, timeout: 3s, limits: {in_flight: 1}}}"), "")
	f.Add([]byte("senders: &a\n  b: *a\n"), "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		senders, err := parseSenders(data, filepath.Join(dir, "f"), func(string) string { return value })
		if err != nil {
			if len(value) > 12 && !strings.Contains(string(data), value) && strings.Contains(err.Error(), value) {
				t.Fatalf("the error holds the environment: %v", err)
			}
			return
		}
		for name, s := range senders {
			l := s.Limits
			if s.Name != name || s.Timeout < time.Second || l.InFlight < 1 || !(l.MaxBurstSeconds > 0) ||
				!(l.MessagesPerSecond >= 0 && l.MessagesPerSecond <= 10_000) || !(l.RequestsPerSecond >= 0 && l.RequestsPerSecond <= 10_000) {
				t.Fatalf("out of bounds: %+v", s)
			}
			_ = s.Own.Decode(new(settings))
			if shown := fmt.Sprintf("%v %+v %#v", s, s, s); len(value) > 12 && !strings.Contains(string(data), value) && strings.Contains(shown, value) {
				t.Fatal("a dump shows the environment")
			}
		}
	})
}

// column is in an error behind the line.
var column = regexp.MustCompile(`^(\S+?:\d+):\d+: `)

// lineOnly is an error without its column.
func lineOnly(err error) string { return column.ReplaceAllString(fmt.Sprint(err), "$1: ") }
