package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestActs(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("since") != "2026-11-22T09:00:00Z" || q.Get("campaign") != "sale" {
			t.Errorf("asked %s", r.URL)
		}
		next, n := `"b"`, 2
		if q.Get("cursor") == "b" {
			next, n = "null", 1
		}
		fmt.Fprintf(w, `{"entries":[{"id":"%d-0","act":"pause"}],"next":%s}`, n, next)
	}))
	t.Cleanup(s.Close)
	got := ""
	for a, err := range New(s.URL, "t").Acts(t.Context(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), "sale") {
		if err != nil {
			t.Fatal(err)
		}
		got += a.ID + " " + a.Act + "; "
	}
	if got != "2-0 pause; 1-0 pause; " {
		t.Error(got)
	}
}
