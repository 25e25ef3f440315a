package page_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	capture "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// eventWithin is how long anything may take that is waited for: the machine may be slow.
const eventWithin = 2 * time.Minute

// A browser is a tab of a real one, which keeps what went wrong in it.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	axe  string

	mu      sync.Mutex
	wrong   []string // what its console says of errors
	away    []string // requests to other places
	queue   bool     // another's program is shown, which the console is not asked about
	checked int      // pages that axe has looked at
}

// newBrowser starts a browser, or skips the test where there is none.
func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("NO BROWSER HERE: the page is not looked at. Run `make deps`, or on Debian `apt-get install chromium`")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(eventWithin))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base, axe: readAxe(t)}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			b.said(fmt.Sprint(m.Type), fmt.Sprintf("%+v", m))
		}
	}()
	return b
}

func readAxe(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/axe.min.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// heard notes where requests go, and what a script threw.
func (b *browser) heard(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "chrome") && !strings.HasPrefix(u, "about:") && !b.queue {
			b.away = append(b.away, u)
		}
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, fmt.Sprintf("%+v", e.ExceptionDetails))
	}
}

// said notes what the console says, but for what the browser says of an answer that is
// meant to be one of refusal.
func (b *browser) said(kind, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if (kind == "error" || kind == "exception" || kind == "warning") && !b.queue && !strings.Contains(text, "Failed to load resource") {
		b.wrong = append(b.wrong, text)
	}
}

// do runs steps, each of which must come to an end.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, eventWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.shot("failed")
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

// open goes to a page.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// text is what stands on the page.
func (b *browser) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// until waits until an expression is true on whatever page is there by then.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(eventWithin)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		// An error is a page that just goes away.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.shot("failed")
			b.t.Fatalf("%s: not within %s\n%s", what, eventWithin, b.text())
		}
	}
}

// shows waits until a text stands on the page.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.until("the text "+text, fmt.Sprintf("document.readyState === 'complete' && document.body.innerText.includes(%q)", text))
}

// at waits until a page is there.
func (b *browser) at(path string) {
	b.t.Helper()
	b.until("the page "+path, fmt.Sprintf("document.readyState === 'complete' && location.pathname === %q", path))
}

// click clicks what a selector finds.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector))
}

// press goes by Tab to what a selector finds, as who has no mouse does, and presses keys
// there. Where the focus is must be seen.
func (b *browser) press(selector, keys string) {
	b.t.Helper()
	const most = 150 // stops of one page
	for stop := range most {
		at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(() => {
			const at = document.activeElement;
			if (!at || !at.matches(%q)) return at && at.matches(".skip") ? "skip" : "elsewhere";
			const style = getComputedStyle(at);
			return at.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 ? "there" : "unseen";
		})()`, selector)))
		if err != nil {
			b.t.Fatal(err)
		}
		switch at {
		case "there":
			if keys != "" {
				b.do(chromedp.KeyEvent(keys))
			}
			return
		case "unseen":
			if stop == 0 { // the page gave it the focus: a browser shows that from the first key on
				b.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
				break
			}
			b.t.Errorf("the focus on %s is not seen", selector)
			b.do(chromedp.KeyEvent(keys))
			return
		case "skip":
			b.do(chromedp.KeyEvent(kb.Enter)) // past the navigation
		}
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.shot("failed")
	b.t.Fatalf("no Tab leads to %s\n%s", selector, b.text())
}

// pick chooses of a list, by the keyboard.
func (b *browser) pick(selector, value string) {
	b.t.Helper()
	b.press(selector, "")
	const most = 50 // choices of a list
	for range most {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).value", selector)))
		if err != nil {
			b.t.Fatal(err)
		}
		if is == value {
			return
		}
		b.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	b.t.Fatalf("%s has no %q", selector, value)
}

// look puts the browser's window and theme so.
func (b *browser) look(width, height int64, theme string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, height))
}

// shot keeps a picture of the page for who looks why a test failed, or for the docs.
func (b *browser) shot(name string) {
	dir := os.Getenv("SLUICE_PICTURES")
	if dir == "" {
		return
	}
	res, err := chromedp.Call(b.ctx, capture.CaptureScreenshot, capture.CaptureScreenshotParams{})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), res.Data, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// whole keeps a picture of all of a page, for who looks at each of them: in the folder
// that SLUICE_EACH_PAGE names.
func (b *browser) whole(name string) {
	dir := os.Getenv("SLUICE_EACH_PAGE")
	if dir == "" {
		return
	}
	all := true
	res, err := chromedp.Call(b.ctx, capture.CaptureScreenshot, capture.CaptureScreenshotParams{CaptureBeyondViewport: &all})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.Trim(strings.NewReplacer("/", "_", "?", "_", "=", "_").Replace(name), "_")+".png"), res.Data, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// fits says that nothing of the page stands out of the window.
func (b *browser) fits(what string) {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth - window.innerWidth"))
	if err != nil {
		b.t.Fatal(err)
	}
	if over > 0 {
		b.t.Errorf("%s is %d pixels wider than its window", what, over)
	}
}

// audit has axe look at the page.
func (b *browser) audit(what string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, eventWithin)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](b.axe+";0")); err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify({violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)})), passes: r.passes.length}))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	var r struct {
		Violations []struct {
			ID, Help string
			Nodes    []string
		}
		Passes int
	}
	if err := json.Unmarshal([]byte(found), &r); err != nil {
		b.t.Fatal(err)
	}
	if r.Passes < 5 {
		b.t.Errorf("%s: axe looked at %d things: it does not look", what, r.Passes)
	}
	for _, v := range r.Violations {
		b.t.Errorf("%s: %s: %s\n%s", what, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
	}
	b.checked++
}

// fine says that nothing went wrong in the browser so far.
func (b *browser) fine() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.wrong {
		b.t.Errorf("the console says: %s", text)
	}
	for _, u := range b.away {
		b.t.Errorf("a request went elsewhere: %s", u)
	}
}
