package page

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/campaign"
	"sluice/internal/token"
)

var onceInForm = regexp.MustCompile(`name="once" value="([A-Za-z0-9_-]{22})"`)

// once is the token of the forms of a page.
func (b *bench) once(path string) string {
	b.t.Helper()
	m := onceInForm.FindStringSubmatch(b.get(path, http.StatusOK))
	if m == nil {
		b.t.Fatalf("the forms of %s have no token", path)
	}
	return m[1]
}

// testsOf are the tests there are.
func (b *bench) testsOf() (n int) {
	b.t.Helper()
	all, err := b.desk.List(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, rec := range all {
		if strings.HasPrefix(rec.ID, "test-") {
			n++
		}
	}
	return n
}

// A click twice on what acts is one act, whichever comes first: both are answered alike.
// Other words under the same token, or the same from a page that was opened anew, are
// another act.
func TestOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.draft("sale", "promo")
	b.signIn(token.Scopes)
	form := url.Values{"to": {"+5511999990000"}, "once": {b.once("/campaigns/sale/check")}}
	var led [5]string
	var all sync.WaitGroup
	for i := range led {
		all.Go(func() { led[i] = b.ask("POST", "/campaigns/sale/test", form.Encode()).Header().Get("Location") })
	}
	all.Wait()
	for _, to := range led {
		if to == "" || to != led[0] {
			t.Errorf("%q: not all led to the same", led)
		}
	}
	if n := b.testsOf(); n != 1 {
		t.Errorf("%d tests of one click", n)
	}
	// Another process answers so too, and where there is no answer to give it says so.
	b.server.answers = newAnswers(time.Now)
	if to := b.post("/campaigns/sale/test", form, http.StatusSeeOther); to != led[0] {
		t.Errorf("led to %q, not %q", to, led[0])
	}
	other := url.Values{"to": {"+5511999990001"}, "once": form["once"]}
	b.post("/campaigns/sale/test", other, http.StatusSeeOther)
	form.Set("once", b.once("/campaigns/sale/check"))
	b.post("/campaigns/sale/test", form, http.StatusSeeOther)
	if n := b.testsOf(); n != 3 {
		t.Errorf("%d tests, not 3", n)
	}

	// A launch that is given twice leads to the campaign twice, and not to an error.
	launch := url.Values{"typed": {"2"}, "once": {b.once("/campaigns/sale/launch")}}
	for range 2 {
		if to := b.post("/campaigns/sale/launch", launch, http.StatusSeeOther); to != "/campaigns/sale?said=launched" {
			t.Errorf("to %q", to)
		}
	}

	// A token of the API is made once, and both clicks show it; no other process can.
	made := url.Values{"name": {"crm"}, "scope": {"read"}, "once": {b.once("/tokens")}}
	first, second := b.post("/tokens", made, http.StatusOK), b.post("/tokens", made, http.StatusOK)
	if !strings.Contains(first, "slc_") || first != second {
		t.Error("the second click shows another page than the first")
	}
	b.server.answers = newAnswers(time.Now)
	has(t, b.post("/tokens", made, http.StatusConflict), "It was done already")
	if all, err := b.tokens.List(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
	keys, err := b.rdb.Keys(t.Context(), "*idem*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if text := b.rdb.Get(t.Context(), key).Val(); strings.Contains(text, "slc_") {
			t.Errorf("a secret stands in Redis: %s", text)
		}
	}
	// What was refused may be sent again.
	wrong := url.Values{"name": {"bad"}, "once": {"x"}}
	b.post("/tokens", wrong, http.StatusUnprocessableEntity)
	has(t, b.post("/tokens", wrong, http.StatusUnprocessableEntity), "Tick at least one")
}

// A list that is sent twice at once makes one draft: the second click is answered as the
// first, or goes on where the browser let the first go.
func TestUploadOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	once := b.once("/new")
	for range 2 {
		if to := b.send("/new", "list.csv", list, http.StatusSeeOther, "once", once, "name", "sale", "sender", "promo"); to != "/campaigns/sale/columns" {
			t.Errorf("to %q", to)
		}
	}
	has(t, b.send("/new", "list.csv", list, 422, "once", b.once("/new"), "name", "sale", "sender", "promo"), "There is a campaign sale already")
}

// What fails is not kept: of those who wait the next one tries, and a panic holds nobody.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := newAnswers(time.Now)
	began, end := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := s.of(t.Context(), "k", func() (*answer, error) { close(began); <-end; return nil, errNowhere }); !errors.Is(err, errNowhere) {
			t.Error(err)
		}
	})
	<-began
	all.Go(func() {
		if a, err := s.of(t.Context(), "k", func() (*answer, error) { return &answer{code: 303}, nil }); err != nil || a.code != 303 {
			t.Error(a, err)
		}
	})
	close(end)
	all.Wait()
	func() {
		defer func() { _ = recover() }()
		_, _ = s.of(t.Context(), "p", func() (*answer, error) { panic("x") })
	}()
	if a, err := s.of(t.Context(), "p", func() (*answer, error) { return &answer{code: 200}, nil }); err != nil || a.code != 200 {
		t.Error(a, err)
	}
	for range 2 * mostAnswers {
		_, _ = s.of(t.Context(), anyKey(), func() (*answer, error) { return &answer{code: 200}, nil })
	}
	if len(s.by) > mostAnswers {
		t.Errorf("%d answers are kept", len(s.by))
	}
}

func anyKey() string { return (&frame{}).Once() }

// Each form that acts has its token; what only looks, signs in or out, or chooses a
// language needs none.
func TestEachFormHasAToken(t *testing.T) {
	t.Parallel()
	pages, err := fs.Glob(htmlFiles, "html/*.html")
	if err != nil {
		t.Fatal(err)
	}
	form, n := regexp.MustCompile(`<form [^>]*method="post"[^>]*>(\{\{template "once" \$\}\})?`), 0
	for _, p := range pages {
		text, err := fs.ReadFile(htmlFiles, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range form.FindAllStringSubmatch(string(text), -1) {
			n++
			idle := strings.Contains(m[0], `"/sign-`) || strings.Contains(m[0], `"/language"`) || strings.Contains(m[0], `"/numbers"`)
			if !idle && m[1] == "" {
				t.Errorf("%s: %s", p, m[0])
			}
		}
	}
	if n < 20 {
		t.Errorf("%d forms", n)
	}
}

// Settings of a campaign that runs: what the form says otherwise than it was shown is
// set, by the desk, with its entry in the audit; what somebody else set meanwhile stays.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.draft("later", "promo")
	b.signIn(token.Scopes)
	has(t, b.get("/campaigns/sale", http.StatusOK), "/campaigns/sale/settings")
	b.get("/campaigns/later/settings", http.StatusConflict)
	text := b.get("/campaigns/sale/settings", http.StatusOK)
	has(t, text, `name="was-window" value="none"`, `name="was-priority" value="normal"`, `name="was-attempts" value="5"`)
	lacks(t, text, `name="begin"`) // it has begun
	form := url.Values{"was-window": {"none"}, "was-rate": {""}, "was-priority": {"normal"}, "was-attempts": {"5"}, "window": {"any"}, "rate": {""}, "priority": {"normal"}, "attempts": {"5"}}
	with := func(pairs ...string) url.Values {
		other := url.Values{}
		for k, v := range form {
			other[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			other.Set(pairs[i], pairs[i+1])
		}
		return other
	}
	if to := b.post("/campaigns/sale/settings", form, http.StatusSeeOther); to != "/campaigns/sale?said=set-nothing" {
		t.Errorf("to %q", to)
	}
	for _, wrong := range [][]string{{"rate", "x"}, {"rate", "-1"}, {"attempts", "many"}, {"attempts", "1000"}, {"window", "zone", "window_zone", "Mars"}, {"priority", "huge"}} {
		has(t, b.post("/campaigns/sale/settings", with(wrong...), 422), `role="alert"`)
	}
	if to := b.post("/campaigns/sale/settings", with("rate", "12.5", "attempts", "7"), http.StatusSeeOther); to != "/campaigns/sale?said=set" {
		t.Errorf("to %q", to)
	}
	// Shown before that: a window is set, and the pace stays as it was set in between.
	b.post("/campaigns/sale/settings", with("window", "zone", "from", "08:00", "to", "20:00", "window_zone", "America/Sao_Paulo", "priority", "high"), http.StatusSeeOther)
	is := func() campaign.Settings {
		rec, err := b.desk.Record(t.Context(), "sale")
		if err != nil {
			t.Fatal(err)
		}
		file, err := rec.File()
		if err != nil {
			t.Fatal(err)
		}
		return file.Settings()
	}
	if s := is(); s.Rate != 12.5 || s.MaxAttempts != 7 || s.Priority != "high" || s.Window == nil || s.Window.From != "08:00" {
		t.Errorf("%+v", s)
	}
	has(t, b.get("/campaigns/sale", http.StatusOK), "12.5", "08:00–20:00")
	has(t, b.get("/campaigns/sale/settings", http.StatusOK), `value="America/Sao_Paulo"`, `name="was-rate" value="12.5"`)
	has(t, b.get("/audit?campaign=sale&act=set", http.StatusOK), "rate: ", "12.5", "max_attempts: 5 -&gt; 7", "refused")
	b.signIn([]string{token.Read})
	lacks(t, b.get("/campaigns/sale", http.StatusOK), "/settings")
	b.post("/campaigns/sale/settings", form, http.StatusForbidden)
}

// A start is set while there is one to set.
func TestSettingAStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.draft("sale", "promo")
	b.signIn(token.Scopes)
	b.post("/campaigns/sale/when", url.Values{"begin": {"later"}, "start": {"2099-01-02T03:04"}, "zone": {"UTC"}, "window": {"any"}, "priority": {"normal"}}, 303)
	b.post("/campaigns/sale/launch", url.Values{"typed": {"2"}}, 303)
	if err := b.desk.Import(t.Context(), "sale"); err != nil {
		t.Fatal(err)
	}
	has(t, b.get("/campaigns/sale/settings", http.StatusOK), `name="begin"`, `name="was-start" value="2099-01-02T03:04:00Z"`, `value="2099-01-02T03:04"`)
	form := url.Values{
		"was-start": {"2099-01-02T03:04:00Z"}, "was-window": {"none"}, "was-priority": {"normal"}, "was-attempts": {"5"}, "window": {"any"}, "priority": {"normal"}, "attempts": {"5"},
		"begin": {"later"}, "start": {"2099-01-02T04:04"}, "zone": {"Europe/Berlin"},
	}
	if to := b.post("/campaigns/sale/settings", form, 303); to != "/campaigns/sale?said=set-nothing" { // the same moment
		t.Errorf("to %q", to)
	}
	form.Set("begin", "now")
	b.post("/campaigns/sale/settings", form, 303)
	if rec, err := b.desk.Record(t.Context(), "sale"); err != nil || !rec.StartAt.IsZero() {
		t.Errorf("%v %v", rec.StartAt, err)
	}
}

// The message of a paused campaign is corrected, by a form or as text, as producer amend
// does; one that runs is paused first.
func TestAmending(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.running("sale", "promo")
	b.signIn(token.Scopes)
	has(t, b.get("/campaigns/sale/amend", http.StatusConflict), "Pause it first")
	b.post("/campaigns/sale/do/pause", nil, http.StatusSeeOther)
	has(t, b.get("/campaigns/sale", http.StatusOK), "/campaigns/sale/amend")
	// The campaign's message has one variable, and the account's template two: it is
	// written as text.
	text := b.get("/campaigns/sale/amend", http.StatusOK)
	has(t, text, "Still to get it: 2.", `<textarea id="text"`, "these columns: name", "{{name}}")
	has(t, b.post("/campaigns/sale/amend", url.Values{"as": {"text"}, "text": {"{"}}, 422), "no message in JSON", ">{</textarea>")
	has(t, b.post("/campaigns/sale/amend", url.Values{"as": {"text"}, "text": {`{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{city}}","x"]}}`}}, 422), "city")
	if to := b.post("/campaigns/sale/amend", url.Values{"as": {"text"}, "text": {`{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name|friend}}","x"]}}`}}, 303); to != "/campaigns/sale?said=amended" {
		t.Errorf("to %q", to)
	}
	text = b.get("/campaigns/sale/amend", http.StatusOK)
	has(t, text, "Variable 1", "Variable 2", `value="friend"`, "as=text")
	lacks(t, text, "<textarea")
	form := url.Values{"template": {"order_update|en_US"}, "column-body1": {"name"}, "text-body1": {"you"}, "text-body2": {"y"}}
	b.post("/campaigns/sale/amend", form, 303)
	if to := b.post("/campaigns/sale/amend", form, 303); to != "/campaigns/sale?said=amended-before" {
		t.Errorf("to %q", to)
	}
	rec, err := b.desk.Record(t.Context(), "sale")
	if err != nil {
		t.Fatal(err)
	}
	file, err := rec.File()
	if err != nil || strings.Join(file.Message.Template.Body, ",") != "{{name|you}},y" {
		t.Errorf("%+v %v", file.Message, err)
	}
	has(t, b.get("/campaigns/sale", http.StatusOK), "Message, revision")
	has(t, b.get("/audit?campaign=sale&act=amend", http.StatusOK), "revision 2, for 2", "refused")
	b.signIn([]string{token.Read})
	lacks(t, b.get("/campaigns/sale", http.StatusOK), "/amend")
	b.get("/campaigns/sale/amend", http.StatusForbidden)
}
