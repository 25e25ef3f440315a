package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The pieces of a list, without the headers of all but the first, are the list.
func TestPiecesAreTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{"phone,name\n", "\xef\xbb\xbfsep=;\r\n\"phone\";name\r\n", "\n\nphone\n"}).Draw(t, "header")
		rows := rapid.SliceOf(rapid.SampledFrom([]string{"1,a\n", "2,\"b\nc\"\n", "\n", "3,\"say \"\"x\n\"\"\"\r\n", "4"})).Draw(t, "rows")
		text := header + strings.Join(rows, "")
		cut := &cutter{r: strings.NewReader(text), size: rapid.IntRange(1, 60).Draw(t, "size")}
		var all string
		for i := 0; ; i++ {
			piece, err := cut.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return // a quote that is never closed
			}
			if i > 0 {
				rest, ok := strings.CutPrefix(string(piece), header)
				if !ok {
					t.Fatalf("piece %d %q has not the header", i, piece)
				}
				piece = []byte(rest)
			}
			if strings.Count(string(piece), `"`)%2 != 0 {
				t.Fatalf("a piece ends in a cell: %q", piece)
			}
			all += string(piece)
		}
		if all != text {
			t.Fatalf("%q is not %q", all, text)
		}
	})
}

// server answers as often badly as it is told.
type server struct {
	mu    sync.Mutex
	bad   int
	parts map[string][]byte
	rows  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad > 0 {
		s.bad--
		if s.bad%2 == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"type":"/problems/unavailable","title":"x","status":503}`)
		return
	}
	switch {
	case r.Method == http.MethodPut:
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			panic(err)
		}
		s.parts[r.URL.Path] = text
		fmt.Fprint(w, "{}")
	case strings.HasSuffix(r.URL.Path, "/recipients"):
		var after int
		fmt.Sscan(r.URL.Query().Get("after_row"), &after)
		e := json.NewEncoder(w)
		for row := after + 1; row <= s.rows; row++ {
			if row == after+8 {
				panic(http.ErrAbortHandler)
			}
			e.Encode(Recipient{Row: row})
			w.(http.Flusher).Flush()
		}
		fmt.Fprintln(w, `{"end":true}`)
	default:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"type":"/problems/state","title":"t","status":409,"detail":"d","state":"running","errors":[{"pointer":"/a","detail":"b"}]}`)
	}
}

func newServer(t *testing.T, s *server) *Client {
	t.Helper()
	s.parts = map[string][]byte{}
	srv := httptest.NewServer(s)
	srv.Config.ErrorLog = nil
	t.Cleanup(srv.Close)
	c := New(srv.URL+"/", "slc_x").With(srv.Client())
	c.wait = time.Millisecond
	return c
}

func TestUpload(t *testing.T) {
	t.Parallel()
	s := &server{bad: 4}
	c := newServer(t, s)
	var list bytes.Buffer
	list.WriteString("phone\n")
	for i := range 100_000 {
		fmt.Fprintf(&list, "%d\n", i)
	}
	text := list.String()
	n, err := c.upload(t.Context(), "sale", strings.NewReader(text), 100_000)
	if err != nil || n != len(s.parts) || n < 2 {
		t.Fatal(n, len(s.parts), err)
	}
	all := string(s.parts["/v1/campaigns/sale/parts/1"])
	for i := 2; i <= n; i++ {
		all += strings.TrimPrefix(string(s.parts[fmt.Sprintf("/v1/campaigns/sale/parts/%d", i)]), "phone\n")
	}
	if all != text {
		t.Error("the parts are not the list")
	}
}

// A stream of rows that breaks off goes on behind its last row.
func TestRecipients(t *testing.T) {
	t.Parallel()
	c := newServer(t, &server{rows: 50})
	next := 1
	for r, err := range c.Recipients(t.Context(), "sale") {
		if err != nil || r.Row != next {
			t.Fatal(r.Row, next, err)
		}
		next++
	}
	if next != 51 {
		t.Errorf("%d rows", next-1)
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	c := newServer(t, &server{})
	err := c.Pause(t.Context(), "sale")
	if !Is(err, "state") || Is(err, "invalid") || err.Error() != "t: d; /a: b" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, "sale"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestVerifyCallback(t *testing.T) {
	t.Parallel()
	// The worked example of Standard Webhooks' own description.
	secret, body, now := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)
	header := func(signature string) http.Header {
		h := http.Header{}
		h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		h.Set("webhook-timestamp", "1614265330")
		h.Set("webhook-signature", signature)
		return h
	}
	good := "v1,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if c, err := VerifyCallback(secret, header(good), body, now); err != nil || c.ID == "" {
		t.Error(err)
	}
	for name, try := range map[string]func() error{
		"old": func() error { _, err := VerifyCallback(secret, header(good), body, now.Add(6*time.Minute)); return err },
		"early": func() error {
			_, err := VerifyCallback(secret, header(good), body, now.Add(-6*time.Minute))
			return err
		},
		"body": func() error { _, err := VerifyCallback(secret, header(good), []byte("{}"), now); return err },
		"none": func() error { _, err := VerifyCallback(secret, header(""), body, now); return err },
	} {
		if err := try(); !errors.Is(err, ErrCallback) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
