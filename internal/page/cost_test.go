package page

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sluice/internal/token"
)

// zipped is how long a text is as browsers get it.
func zipped(t testing.TB, text []byte) int {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

// The first page is small, and so is all that it loads: also where 200 campaigns stood
// on it, which are ten pages.
func TestFirstPageIsSmall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n := range perPage + 1 {
		b.running(fmt.Sprintf("campaign-of-the-month-%03d", n), "promo")
	}
	b.signIn(token.Scopes)
	first := zipped(t, []byte(b.get("/", http.StatusOK)))
	c := b.caller()
	sh, err := b.server.campaigns(c)
	if err != nil {
		t.Fatal(err)
	}
	l := sh.Data.(*listing)
	rows := l.Rows
	for l.Rows = nil; len(l.Rows) < 200; {
		one := *rows[len(l.Rows)%len(rows)].Status
		one.ID = fmt.Sprintf("campaign-%x", 7919*len(l.Rows))
		one.Accepted, one.Rejected, one.InDoubt = 7717*len(l.Rows), 31*len(l.Rows), len(l.Rows)
		one.Rows = one.Accepted + one.Rejected + one.InDoubt + one.Pending + one.Invalid
		l.Rows = append(l.Rows, row{Status: &one, Bar: accountOf(&one), Done: one.Accepted})
	}
	w := httptest.NewRecorder()
	c.w = w
	if err := b.server.show(c, sh); err != nil {
		t.Fatal(err)
	}
	all := zipped(t, w.Body.Bytes())
	assets := 0
	for _, a := range b.server.assets {
		assets += zipped(t, []byte(a.data))
	}
	t.Logf("the first page: %d bytes; with 200 rows: %d; assets: %d", first, all, assets)
	if first > 60<<10 || all > 60<<10 || all+assets > 120<<10 {
		t.Errorf("the first page has %d bytes, with 200 rows %d, and assets %d: at most 60 KB, and 120 KB with assets", first, all, assets)
	}
}

// caller is a call of who is signed in.
func (b *bench) caller() *call {
	b.t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: plainCookie, Value: b.cookie})
	r.Host = "127.0.0.1:8070"
	c := b.server.call(httptest.NewRecorder(), r)
	if err := b.server.enter(c); err != nil || c.token == nil {
		b.t.Fatal(err)
	}
	return c
}

// BenchmarkFirstPage is what the first page costs of this process' time beside the same
// data as JSON, both read from Redis each time: their ratio is x-json.
func BenchmarkFirstPage(b *testing.B) {
	p := newBench(b)
	for n := range perPage + 1 {
		p.running(fmt.Sprintf("campaign-%03d", n), "promo")
	}
	p.signIn(token.Scopes)
	c := p.caller()
	timed := func(answer func()) time.Duration {
		p.server.shared = newShared(time.Now)
		began := time.Now()
		answer()
		return time.Since(began)
	}
	look := func() sheet {
		sh, err := p.server.campaigns(c)
		if err != nil {
			b.Fatal(err)
		}
		return sh
	}
	var page, plain time.Duration
	for b.Loop() {
		page += timed(func() {
			c.w = httptest.NewRecorder()
			if err := p.server.show(c, look()); err != nil {
				b.Fatal(err)
			}
		})
		plain += timed(func() {
			if _, err := json.Marshal(look().Data.(*listing).Rows); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(page.Seconds()/plain.Seconds(), "x-json")
	b.ReportMetric(float64(page.Microseconds())/float64(b.N), "µs/page")
}
