package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sluice/internal/desk"
	"sluice/internal/parts"
	"sluice/internal/token"
)

// rows are so many that a campaign of theirs runs for a while.
const rows = 3000

// The page in a real browser, with a real Redis, a worker and the simulated providers: a
// campaign from a file to its last message, live, through a pause and a broken stream,
// and every page in both themes, languages and widths. Axe finds nothing, the console
// says nothing, and no request goes elsewhere.
func TestBrowser(t *testing.T) { //nolint:paralleltest // one browser at a time
	w := newWorld(t)
	b := newBrowser(t, w.url)
	b.look(1440, 900, "light")
	text, _, err := w.tokens.Create(t.Context(), token.Order{Name: "Maria", Scopes: token.Scopes})
	if err != nil {
		t.Fatal(err)
	}
	signsIn(b, text)
	composes(b)
	watches(b, w)
	settles(b)
	looksUp(b)
	resumes(b, w)
	everyPage(b, w)
	queuePage(b)
	b.fine()
}

func signsIn(b *browser, text string) {
	b.open("/campaigns/spring-sale")
	b.at("/sign-in")
	b.audit("sign in")
	b.press("#token", "slc_wrong")
	b.press("main button", " ")
	b.shows("This token is none")
	b.audit("sign in, refused")
	b.press("#token", text+kb.Enter)
	b.at("/campaigns/spring-sale")
	b.shows("There is no such campaign")
	b.press("main a.button", kb.Enter)
	b.shows("No campaigns yet")
	b.audit("no campaigns")
}

func composes(b *browser) {
	file := filepath.Join(b.t.TempDir(), "recipients.csv")
	if err := os.WriteFile(file, people(rows), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.press(`a[href="/new"]`, kb.Enter)
	b.at("/new")
	b.audit("new")
	b.press("#name", "Spring Sale")
	b.press("#country", "br")
	b.press("#file", "") // the window to choose a file is the browser's own
	b.do(chromedp.SetUploadFiles("#file", []string{file}))
	b.until("the file's name", `document.querySelector("[data-name]").textContent === "recipients.csv"`)
	b.press("main button.first", " ")
	b.at("/campaigns/spring-sale/columns")
	b.shows("5511910000001")
	b.audit("columns")
	b.press("main button.first", " ")
	b.at("/campaigns/spring-sale/message")
	b.pick("#template", "spring_sale|pt_BR")
	b.press("main button.first", " ")
	b.shows("Variable 2")
	b.press("#text-header", "https://cdn.example.com/spring.jpg")
	b.pick("#column-body1", "first_name")
	b.press("#text-body1", "friend")
	b.pick("#column-body2", "discount")
	b.pick("#column-button0", "code")
	b.pick("#column-button1", "coupon")
	b.press(`button[name="look"]`, " ")
	b.shows("Hello Bruno, 6% off today.")
	b.audit("message")
	b.shot("page-message")
	b.press("form.card[method=post] button.first", kb.Enter)
	b.at("/campaigns/spring-sale/when")
	b.audit("when")
	b.press("#rate", "30")
	b.press("main button.first", " ")
	b.at("/campaigns/spring-sale/check")
	b.shows("people get it.")
	b.audit("check")
	b.press("#to", "+5511999990000")
	b.press("#test button", " ")
	b.until("a test", `location.search.includes("test=test-")`)
	for deadline := time.Now().Add(eventWithin); ; { // its answer comes when it comes
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.body.innerText.includes("The test is accepted")`)); err == nil && ok {
			break
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the test was not accepted\n%s", b.text())
		}
		b.do(chromedp.Reload())
	}
	b.press(`a[href$="/launch"]`, kb.Enter)
	b.at("/campaigns/spring-sale/launch")
	b.audit("launch")
	b.press("#typed", "3"+kb.Enter)
	b.shows("That is not the number of recipients")
	b.press("#typed", kb.Backspace+fmt.Sprint(recipients())+kb.Enter)
	b.at("/campaigns/spring-sale")
}

// recipients are those of the list who are no trouble: two rows in 400 are.
func recipients() int {
	n := 0
	for row := 1; row <= rows; row++ {
		if row%400 != 11 && row%400 != 22 {
			n++
		}
	}
	return n
}

// figure is a number of the account on the page.
func figure(name string) string {
	return fmt.Sprintf(`Number([...document.querySelectorAll("#account .legend > div")].find(d => d.querySelector("dt").textContent === %q).querySelector(".big").textContent.replace(/[^0-9]/g, ""))`, name)
}

func watches(b *browser, w *world) {
	// The page is not loaded again: a mark in it stays.
	b.do(chromedp.Evaluate[chromedp.Void]("window.stayed = true; 0"))
	b.until("live figures", figure("Accepted")+" > 0")
	b.audit("a running campaign")
	b.click(`a[href$="/do/pause"]`)
	b.at("/campaigns/spring-sale/do/pause")
	b.audit("pause?")
	b.click("main button.first")
	b.at("/campaigns/spring-sale")
	b.shows("It is paused.")
	b.shows("paused by")
	b.audit("a paused campaign")
	b.click(`a[href$="/do/resume"]`)
	b.at("/campaigns/spring-sale/do/resume")
	b.click("main button.first")
	b.at("/campaigns/spring-sale")
	b.do(chromedp.Evaluate[chromedp.Void]("window.stayed = true; 0"))
	b.until("figures", figure("Accepted")+" > 0")
	faster := 0.0 // as fast as the sender may, for the rest
	if _, err := w.desk.Set(b.t.Context(), desk.SetOrder{ID: "spring-sale", Rate: &faster}); err != nil {
		b.t.Fatal(err)
	}
	b.until("half of it", figure("Accepted")+fmt.Sprint(" > ", rows/2))
	b.look(1440, 1250, "light")
	b.shot("page-campaign")
	b.look(1440, 900, "light")
	w.server.CloseClientConnections() // the stream breaks, and comes back by itself
	b.until("the end", `document.querySelector("h1 .state").textContent === "finished"`)
	if stayed, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("window.stayed === true")); err != nil || !stayed {
		b.t.Errorf("the page was loaded again: %v", err)
	}
	st, err := w.desk.Status(b.t.Context(), "spring-sale")
	if err != nil {
		b.t.Fatal(err)
	}
	for name, want := range map[string]int{"Accepted": st.Accepted, "Rejected": st.Rejected, "In doubt": st.InDoubt, "Pending": 0, "Invalid": st.Invalid} {
		b.until(fmt.Sprintf("%d %s", want, name), fmt.Sprintf("%s === %d", figure(name), want))
	}
	if st.InDoubt == 0 || st.Rejected == 0 || st.Accepted+st.Rejected+st.InDoubt+st.Invalid != rows {
		b.t.Errorf("%+v", st)
	}
	b.audit("a finished campaign")
}

func settles(b *browser) {
	b.click(`#doubt a`)
	b.at("/campaigns/spring-sale/doubts")
	b.audit("doubts")
	b.shot("page-doubts")
	b.click(`input[name="row"]`)
	b.click(`input[name="choice"][value="accept"]`)
	b.click("form.form button.first")
	b.shows("They got it?")
	b.audit("doubts, asked")
	b.press("#note", "the provider has them, ticket 4711")
	b.press("main button.first", kb.Enter)
	b.shows("Your word is on record.")
	b.open("/campaigns/spring-sale/doubts")
	b.shows("ticket 4711")
	lines, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`fetch("/campaigns/spring-sale/export").then(r => r.text()).then(t => t.trim().split("\n").length)`, chromedp.EvalAwaitPromise))
	if err != nil || lines != 1+rows {
		b.t.Errorf("the export has %d lines, %v; want the header and %d", lines, err, rows)
	}
}

func looksUp(b *browser) {
	b.open("/numbers")
	b.do(chromedp.SendKeys("#number", "+55 11 91000-0001\r"))
	b.shows("+5511910000001")
	b.shows("spring-sale")
	b.audit("a number")
	b.click(`button[value="add"]`)
	b.at("/suppressions")
	b.shows("1 of 1 are new on the list.")
	b.audit("suppressions")
}

// resumes goes on with a halted campaign, by the keyboard alone: the provider refuses the
// account once, until it is topped up.
func resumes(b *browser, w *world) {
	text := `{"id":"empty-account","sender":"promo-br","message":{"type":"template","template":{"name":"plain_news","language":"en_US"}},"recipients":{"default_country":"BR"}}`
	g, err := w.desk.Compose([]byte(text), nil, nil, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	rec, _, err := w.desk.Draft(b.t.Context(), g)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, _, err = w.desk.PutPart(b.t.Context(), rec, parts.Delivery{N: 1, Media: parts.CSV, Body: strings.NewReader("phone\n+5511988888888\n")}); err == nil {
		rec, err = w.desk.Record(b.t.Context(), rec.ID)
	}
	if err == nil {
		_, err = w.desk.Freeze(b.t.Context(), rec, desk.FreezeOrder{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	w.poke()
	b.open("/campaigns/empty-account")
	b.shows("the account has no balance")
	b.audit("a halted campaign")
	b.whole("halted")
	b.press(`a[href$="/amend"]`, kb.Enter)
	b.at("/campaigns/empty-account/amend")
	b.audit("amend")
	b.whole("amend")
	b.press(`main a.button`, kb.Enter)
	b.at("/campaigns/empty-account")
	b.press(`a[href$="/settings"]`, kb.Enter)
	b.at("/campaigns/empty-account/settings")
	b.audit("settings")
	b.whole("settings")
	b.press(`main a.button`, kb.Enter)
	b.at("/campaigns/empty-account")
	b.press(`a[href$="/do/resume"]`, kb.Enter)
	b.at("/campaigns/empty-account/do/resume")
	b.press("main button.first", " ")
	b.at("/campaigns/empty-account")
	b.until("the end", `document.querySelector("h1 .state").textContent === "finished"`)
}

// everyPage looks at each in both themes, languages and widths.
func everyPage(b *browser, w *world) {
	text := `{"id":"autumn-draft","sender":"promo-br","message":{"type":"template","template":{"name":"plain_news","language":"en_US"}},"recipients":{"default_country":"BR"}}`
	g, err := w.desk.Compose([]byte(text), nil, nil, nil)
	if err == nil {
		_, _, err = w.desk.Draft(b.t.Context(), g)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	paths := []string{
		"/", "/campaigns/spring-sale", "/campaigns/spring-sale/doubts", "/campaigns/spring-sale/do/cancel", "/campaigns/autumn-draft", "/campaigns/autumn-draft/columns",
		"/campaigns/autumn-draft/message", "/campaigns/autumn-draft/when", "/new", "/numbers", "/suppressions", "/senders", "/templates?sender=promo-br", "/templates?sender=promo-id",
		"/workers", "/tokens", "/callbacks", "/audit", "/nowhere",
	}
	for i, look := range []struct {
		width    int64
		theme    string
		language string
		audit    bool
	}{
		{1440, "dark", "en", true}, {360, "light", "zh-CN", true}, {360, "dark", "en", false}, {1440, "light", "zh-CN", false},
	} {
		b.open("/workers")
		b.look(look.width, 900, look.theme)
		b.click(fmt.Sprintf(`button[lang=%q]`, look.language))
		b.until("the language", fmt.Sprintf("document.readyState === 'complete' && document.documentElement.lang === %q", look.language))
		for _, path := range paths {
			what := fmt.Sprintf("%s, %d pixels, %s, %s", path, look.width, look.theme, look.language)
			b.open(path)
			b.until("the styles", "document.styleSheets.length > 0")
			b.fits(what)
			b.whole(fmt.Sprint(look.width, look.theme, look.language, path))
			if look.audit {
				b.audit(what)
			}
			if i == 0 && path == "/campaigns/spring-sale" {
				b.look(1440, 1250, look.theme)
				b.shot("page-dark")
				b.look(1440, 900, look.theme)
			}
			if look.width == 360 && look.theme == "dark" && path == "/campaigns/spring-sale" {
				b.shot("page-narrow")
			}
		}
	}
	b.look(1440, 900, "light")
	b.click(`button[lang="en"]`)
	b.until("the language", `document.documentElement.lang === "en"`)
	b.open("/")
	b.shot("page-campaigns")
	if b.checked < 40 {
		b.t.Errorf("axe has looked at %d pages alone", b.checked)
	}
}

// queuePage is another's program, which the session lets in.
func queuePage(b *browser) {
	b.mu.Lock()
	b.queue = true
	b.mu.Unlock()
	b.open("/queue/")
	b.shows("Queue Size")
	b.open("/workers")
	b.mu.Lock()
	b.queue = false
	b.mu.Unlock()
}
