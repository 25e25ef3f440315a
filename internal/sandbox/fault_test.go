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

// nothing is the length of no answer at all.
const nothing = -2

// submit posts anything at all, and reads the answer to its end or for a while.
// Said is the length that the answer claims, -1 if none.
func submit(t *testing.T, url string) (said int64, body []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/saas/wa/send", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nothing, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 2<<20))
	return resp.ContentLength, body, err
}

// Each kind of trouble is what a client sees of it.
func TestTroubleIsWhatItSays(t *testing.T) {
	t.Parallel()
	for do, check := range map[Do]func(said int64, body []byte, err error) bool{
		Unanswered: func(_ int64, _ []byte, err error) bool { return errors.Is(err, context.DeadlineExceeded) },
		CutBefore:  func(said int64, _ []byte, err error) bool { return said == nothing && err != nil },
		CutAfter:   func(said int64, _ []byte, err error) bool { return said == nothing && errors.Is(err, io.EOF) },
		Reset:      func(said int64, _ []byte, err error) bool { return said == nothing && err != nil },
		Half: func(said int64, b []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && said/2 == int64(len(b))
		},
		HalfChunk: func(said int64, b []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && said == -1 && len(b) > 0
		},
		Huge: func(_ int64, b []byte, err error) bool { return err == nil && len(b) == 2<<20 },
	} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(New(Options{Faults: []Fault{{Do: do}}}))
			defer srv.Close()
			if said, b, err := submit(t, srv.URL); !check(said, b, err) {
				t.Errorf("says %d bytes, gives %d, %v", said, len(b), err)
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
