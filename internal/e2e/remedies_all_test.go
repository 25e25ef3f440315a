package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/desk"
	"sluice/internal/dispatch"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/redistest"
	"sluice/internal/schema"
	"sluice/internal/sender"
	"sluice/internal/status"
	"sluice/internal/suppress"
	"sluice/internal/worker"
)

// A cure is what the text of a code says that is to be done.
type cure string

const (
	curedByItself  cure = "nothing"   // it is tried again
	curedByAmend   cure = "amend"     // the message is corrected
	curedByFile    cure = "senders"   // the senders file is corrected
	curedElsewhere cure = "elsewhere" // with the provider, in its console, or on the machine
	curedByResolve cure = "resolve"   // a person says what became of it
)

// cureOf reads the text of a code as a person does.
func cureOf(text string) cure {
	has := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case has("`producer resolve`"):
		return curedByResolve
	case has("tried again"), has("by itself"):
		return curedByItself
	case has("`producer amend`"):
		return curedByAmend
	case has("in the senders file") && !has("see partial_reject"): // that is of requests of several
		return curedByFile
	}
	return curedElsewhere
}

// An ailment is a sender whose provider answers with one code until that is cured.
type ailment struct {
	id       string // of sender and campaign
	provider string
	answer   string // what the provider answers
	text     string // what the code means
	code     string
	cure     cure

	struck    atomic.Int64
	elsewhere atomic.Bool // it is cured elsewhere
}

// strikes says whether a submission meets the code: as long as nobody has done what is
// to be done.
func (a *ailment) strikes(body []byte, credential string) bool {
	switch a.cure {
	case curedByItself, curedByResolve:
		return a.struck.Load() < 2
	case curedByAmend:
		return !bytes.Contains(body, []byte("corrected"))
	case curedByFile:
		return credential != "right"
	case curedElsewhere:
	}
	return !a.elsewhere.Load()
}

// zeros is a code with which another product of innopaas' says success.
const zeros = "00000"

// ailments are all codes of the tables of the three providers and of Meta's, as the
// providers themselves explain them: a code that comes to a table comes to the test.
func ailments(t *testing.T) []*ailment {
	t.Helper()
	var all []*ailment
	add := func(provider, code, answer, text string) {
		all = append(all, &ailment{
			id: fmt.Sprintf("a%d", len(all)), provider: provider, code: code, answer: answer, text: text, cure: cureOf(text),
		})
	}
	senders := accountsOf(t, t.TempDir(), "http://127.0.0.1:1", []*ailment{{id: "nxcloud", provider: "nxcloud"}, {id: "nxcloud-mt", provider: "nxcloud-mt"}, {id: "innopaas", provider: "innopaas"}}, "wrong")
	providers := map[string]sender.Provider{}
	for name, s := range senders {
		p, err := accounts.Providers().Open(s, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer accounts.Close(p)
		providers[name] = p
	}
	meaning := func(provider, code string) string { return providers[provider].Meaning(sender.Code(code)) }
	for _, provider := range []string{"nxcloud", "nxcloud-mt"} {
		before := ""
		for n := -1; n < 30_000; n++ {
			text := meaning(provider, strconv.Itoa(n))
			if text == before { // of a row that is a range, one is enough
				continue
			}
			if before = text; text != "" {
				add(provider, strconv.Itoa(n), fmt.Sprintf(`{"code":%d,"message":"no"}`, n), text)
			}
		}
		add(provider, "no_message_id", `{"code":0,"message":"ok","data":{}}`, meaning(provider, "no_message_id"))
	}
	for n := 1; n < 1000; n++ {
		code := fmt.Sprintf("%03d", n)
		if text := meaning("innopaas", code); text != "" {
			add("innopaas", code, fmt.Sprintf(`{"code":%q,"message":"no"}`, code), text)
		}
	}
	add("innopaas", "no_message_id", `{"code":"0","message":"ok","data":""}`, meaning("innopaas", "no_message_id"))
	add("innopaas", zeros, `{"code":"`+zeros+`","message":"ok"}`, meaning("innopaas", zeros))
	for n := range 3_000_000 {
		result, found := sender.MetaResult(n)
		if !found || n > 200 && n < 299 {
			continue
		}
		text := meaning("nxcloud", string(result.Code))
		if text == "" {
			t.Errorf("%s has no meaning", result.Code)
		}
		add("nxcloud", string(result.Code), fmt.Sprintf(`{"code":22042,"message":"(#%d) no"}`, n), text)
	}
	return all
}

// accountsOf writes and reads a senders file with one sender for each ailment, all with
// the same credential.
func accountsOf(t *testing.T, dir, url string, all []*ailment, credential string) config.Senders {
	t.Helper()
	var file strings.Builder
	file.WriteString("senders:\n")
	for _, a := range all {
		fmt.Fprintf(&file, "  %s:\n    provider: %s\n    base_url: %s/%s\n    limits: {in_flight: 1}\n", a.id, a.provider, url, a.id)
		switch a.provider {
		case "innopaas":
			fmt.Fprintf(&file, "    app_key: %s\n    authorization: %[1]s\n    waba_id: w\n    send_number: \"8618900000000\"\n", credential)
		case "nxcloud":
			file.WriteString("    tenant_id: 1\n")
			fallthrough
		default:
			fmt.Fprintf(&file, "    appkey: k\n    business_phone: \"8615800001795\"\n    access_key: %s\n    access_secret: s\n", credential)
		}
	}
	path := filepath.Join(dir, "senders-"+credential+".yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	senders, err := accounts.Providers().Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return senders
}

// A ward is where all ailments are cured, in one process: their providers, a Redis, the
// desk and one worker at a time.
type ward struct {
	*world
	t       *testing.T
	desk    *desk.Desk
	url     string
	all     []*ailment
	ids     atomic.Int64
	senders atomic.Pointer[config.Senders]
	optOut  *suppress.List
}

const wardRows = 12 // more than the ten in a row that halt a campaign

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{t: t, world: &world{t: t, dir: t.TempDir(), redis: redistest.New(t), logs: &lockedBuffer{}}, all: ailments(t)}
	w.rdb = w.redis.Client(t)
	if err := schema.Check(t.Context(), w.rdb); err != nil {
		t.Fatal(err)
	}
	w.optOut = suppress.New(w.rdb)
	byID := map[string]*ailment{}
	for _, a := range w.all {
		byID[a.id] = a
	}
	provider := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		a := byID[strings.Split(r.URL.Path, "/")[1]]
		body, _ := io.ReadAll(r.Body)
		answer := a.answer
		if !a.strikes(body, r.Header.Get("accessKey")+r.Header.Get("Authorization")) {
			answer = w.success(a.provider)
		} else {
			a.struck.Add(1)
		}
		_, _ = io.WriteString(out, answer)
	}))
	t.Cleanup(provider.Close)
	w.url = provider.URL
	w.useSenders("wrong")
	w.desk = desk.New(desk.Options{Redis: w.rdb, Now: time.Now, Open: func(name string) (*desk.Sender, error) {
		p, s, err := w.open(name)
		if err != nil {
			return nil, err
		}
		return &desk.Sender{Provider: p, Name: name, Kind: s.Provider, Limits: accounts.Limits(s)}, nil
	}})
	return w
}

func (w *ward) useSenders(credential string) {
	senders := accountsOf(w.t, w.dir, w.url, w.all, credential)
	w.senders.Store(&senders)
}

func (w *ward) open(name string) (sender.Provider, config.Sender, error) {
	s, err := w.senders.Load().Get(name)
	if err != nil {
		return nil, s, err
	}
	p, err := accounts.Providers().Open(s, time.Now)
	return p, s, err
}

func (w *ward) success(provider string) string {
	id := strconv.FormatInt(700_000_000_000_000_000+w.ids.Add(1), 10)
	switch provider {
	case "innopaas":
		return `{"code":"0","message":"ok","data":"` + id + `"}`
	case "nxcloud-mt":
		return `{"code":0,"message":"ok","data":{"messages":[{"id":"` + id + `"}]}}`
	}
	return `{"code":0,"message":"ok","data":{"message_id":"` + id + `"}}`
}

// work runs a worker with the senders as they are.
func (w *ward) work(id string) (stop func()) {
	limiter := ratelimit.New(w.rdb, ratelimit.Options{Worker: id, Log: zerolog.Nop()})
	wk := worker.New(worker.Options{
		ID: id, Redis: w.rdb, Ledger: ledger.New(w.rdb, time.Now), Campaigns: campaign.NewStore(w.rdb, time.Now),
		Log: zerolog.New(w.logs), Now: time.Now, Linger: time.Hour, Backoff: dispatch.Backoff{Base: 10 * time.Millisecond, Max: 50 * time.Millisecond},
		Suppressed: w.optOut, OptedOut: func(string) dispatch.Suppressed { return w.optOut },
		Account: func(name string) (*worker.Account, error) {
			p, s, err := w.open(name)
			if err != nil {
				return nil, err
			}
			return &worker.Account{Provider: p, InFlight: s.Limits.InFlight, StopWithin: 10 * time.Second, Pace: limiter.Sender(name, accounts.Limits(s))}, nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := wk.Run(ctx); err != nil {
			w.t.Errorf("worker %s: %v", id, err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(stop)
	return stop
}

func campaignText(id, sender, template, recipients string) []byte {
	return fmt.Appendf(nil, `id: %s
sender: %s
message: {type: template, template: {name: %s, language: en_US, body: ["{{name}}"]}}
recipients: {file: %s}
`, id, sender, template, recipients)
}

// launch launches a campaign for the people of an ailment.
func (w *ward) launch(id, sender, template, recipients string) {
	w.t.Helper()
	p, err := w.desk.Prepare(desk.Order{Text: campaignText(id, sender, template, recipients), Name: filepath.Join(w.dir, id+".yaml"), SkipPreflight: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer p.Close()
	if _, err := w.desk.Launch(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) status(id string) *status.Status {
	w.t.Helper()
	st, err := w.desk.Status(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// await waits until the campaigns of all ailments have come there.
func (w *ward) await(what string, there func(a *ailment) bool) {
	w.t.Helper()
	left := w.all
	w.world.await(what, 3*time.Minute, func() bool {
		var not []*ailment
		for _, a := range left {
			if !there(a) {
				not = append(not, a)
			}
		}
		left = not
		return len(left) == 0
	})
}

// Of every code of every table, what its text says that is to be done is done, and then
// everybody who was not refused for good gets the message; who was, by a campaign for
// them alone.
func TestEveryRemedyOfEveryCode(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	cures := map[cure]int{}
	for i, a := range w.all {
		cures[a.cure]++
		w.listFrom(a.id+".csv", 100*i, wardRows)
		w.launch(a.id, a.id, "spring", a.id+".csv")
	}
	if len(w.all) < 130 || cures[curedByAmend] < 25 || cures[curedByFile] < 20 || cures[curedElsewhere] < 50 || cures[curedByItself] < 15 || cures[curedByResolve] < 4 {
		t.Errorf("%d codes: %v", len(w.all), cures)
	}
	stop := w.work("before")
	w.await("every campaign halted or over", func(a *ailment) bool {
		state := w.state(a.id)
		if state == campaign.Running && a.cure == curedByItself && a.struck.Load() > 0 {
			// The provider may ask for minutes, which a person may end.
			if _, _, _, err := w.desk.ClearPause(t.Context(), a.id); err != nil && !errors.Is(err, campaign.ErrNotAllowed) {
				t.Errorf("%s: %v", a.code, err)
			}
		}
		return state == campaign.Halted || state == campaign.Finished
	})
	stop()

	w.useSenders("right")
	named := regexp.MustCompile("`producer ([^`]*)`")
	for _, a := range w.all {
		st := w.status(a.id)
		if st.State != "halted" {
			w.overAtFirst(a, st)
			continue
		}
		if a.cure == curedByItself || a.cure == curedByResolve {
			t.Errorf("%s %s halts, and says %q: %s", a.provider, a.code, a.text, st.Reason)
		}
		if st.InDoubt > 0 && a.code == zeros { // it may be success elsewhere
			w.resolve(a)
		} else if st.Accepted > 0 || st.InDoubt > 0 || st.Rejected > 0 && st.Rejected != wardRows-2 {
			t.Errorf("%s %s: %+v", a.provider, a.code, st)
		}
		if !strings.HasSuffix(st.Reason, "; then `producer resume "+a.id+"`") {
			t.Errorf("%s %s does not end with how to go on: %s", a.provider, a.code, st.Reason)
		}
		amends := false
		for _, c := range named.FindAllStringSubmatch(st.Reason, -1) {
			switch c[1] {
			case "amend " + a.id + " FILE":
				amends = true
			case "resume " + a.id:
			default:
				t.Errorf("%s %s names `producer %s`", a.provider, a.code, c[1])
			}
		}
		if a.cure == curedByAmend && !amends {
			t.Errorf("%s %s: %q is not in %s", a.provider, a.code, a.text, st.Reason)
		}
		if amends {
			_, err := w.desk.Amend(t.Context(), desk.AmendOrder{ID: a.id, Text: campaignText(a.id, a.id, "corrected", a.id+".csv"), Name: a.id + ".yaml", SkipPreflight: true})
			if err != nil {
				t.Errorf("amending for %s %s: %v", a.provider, a.code, err)
			}
		}
		a.elsewhere.Store(true)
		if _, err := w.desk.Resume(t.Context(), a.id); err != nil {
			t.Errorf("resuming after %s %s: %v", a.provider, a.code, err)
		}
	}
	w.work("after")
	w.await("every campaign finished", func(a *ailment) bool { return w.state(a.id) == campaign.Finished })

	refused := map[*ailment]int{}
	for _, a := range w.all {
		st := w.status(a.id)
		if st.Pending+st.InDoubt+st.Cancelled > 0 || st.Accepted+st.Rejected != wardRows {
			t.Errorf("%s %s, cured by %s: %+v", a.provider, a.code, a.cure, st)
		}
		if st.Rejected > 0 {
			refused[a] = st.Rejected
			w.launch(a.id+"-again", a.id, "corrected", a.id+".csv, only: {campaign: "+a.id+", states: [rejected]}")
		}
	}
	w.await("the campaigns for those who were refused are over", func(a *ailment) bool {
		return refused[a] == 0 || w.state(a.id+"-again") == campaign.Finished
	})
	for a, n := range refused {
		st := w.status(a.id + "-again")
		if a.code == "meta_131050" {
			n = 0 // whoever wants no more of it is on the suppression list by then
		}
		if st.Accepted != n || st.Accepted+st.Suppressed != wardRows {
			t.Errorf("%s %s, of %d who were refused: %+v", a.provider, a.code, n, st)
		}
	}
}

func (w *ward) state(id string) campaign.State {
	w.t.Helper()
	rec, err := w.desk.Record(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec.State
}

// resolve says that those in doubt have the message.
func (w *ward) resolve(a *ailment) {
	w.t.Helper()
	if _, err := w.desk.Resolve(w.t.Context(), desk.ResolveOrder{ID: a.id, Others: ledger.Accept}); err != nil {
		w.t.Errorf("resolving %s %s: %v", a.provider, a.code, err)
	}
}

// overAtFirst looks at a campaign that came to its end without a person, and does what
// its text says.
func (w *ward) overAtFirst(a *ailment, st *status.Status) {
	w.t.Helper()
	switch {
	case a.cure == curedByItself && st.Accepted == wardRows:
	case a.cure == curedByResolve && st.InDoubt > 0 && st.InDoubt+st.Accepted == wardRows:
		w.resolve(a)
	case a.cure == curedElsewhere && st.Rejected == wardRows:
		a.elsewhere.Store(true)
	default:
		text, _ := json.Marshal(st)
		w.t.Errorf("%s %s is over, and %q is to be done: %s", a.provider, a.code, a.text, text)
	}
}
