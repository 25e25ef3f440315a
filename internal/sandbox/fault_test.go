package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// submit posts anything at all, and reads the answer to its end or for a while.
func submit(t *testing.T, url string) (*http.Response, []byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/saas/wa/send", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 2<<20))
	return resp, body, err
}

// Each kind of trouble is what a client sees of it.
func TestTroubleIsWhatItSays(t *testing.T) {
	t.Parallel()
	for do, check := range map[Do]func(resp *http.Response, body []byte, err error) bool{
		Unanswered: func(_ *http.Response, _ []byte, err error) bool { return errors.Is(err, context.DeadlineExceeded) },
		CutBefore:  func(r *http.Response, _ []byte, err error) bool { return r == nil && err != nil },
		CutAfter:   func(r *http.Response, _ []byte, err error) bool { return r == nil && errors.Is(err, io.EOF) },
		Reset:      func(r *http.Response, _ []byte, err error) bool { return r == nil && err != nil },
		Half: func(r *http.Response, b []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && r.ContentLength/2 == int64(len(b))
		},
		HalfChunk: func(r *http.Response, b []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && r.ContentLength == -1 && len(b) > 0
		},
		Huge: func(r *http.Response, b []byte, err error) bool { return err == nil && len(b) == 2<<20 },
	} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(New(Options{Faults: []Fault{{Do: do}}}))
			defer srv.Close()
			if r, b, err := submit(t, srv.URL); !check(r, b, err) {
				t.Errorf("%+v, %d bytes, %v", r, len(b), err)
			}
		})
	}
}

// A script that cannot do what it says is refused.
func TestScriptsAreChecked(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`faults: [{suffix: "7"}]`:                     "does nothing",
		`faults: [{do: explode}]`:                     "not known",
		`faults: [{do: cut_before, suffix: "7"}]`:     "before the number",
		`faults: [{do: half, rate: 2}]`:               "between 0 and 1",
		`faults: [{do: half, provider: nobody}]`:      "nxcloud or innopaas",
		`faults: [{do: half, sufix: "7"}]`:            "sufix",
		`faults: [{do: half_chunk, until: 1s}, {}]`:   "faults[1]",
		`faults: [{do: half_chunk, latency: "soon"}]`: "script of faults",
	} {
		if _, err := ParseFaults([]byte(script)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", script, err, want)
		}
	}
}
