package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/accounts"
	"sluice/internal/callback"
	"sluice/internal/spool"
)

// A secret that is changed holds from the next request on, and the one before it for
// as long as it is named.
func TestSendersAreReadAgain(t *testing.T) {
	t.Parallel()
	load := func(more string) *receivers {
		t.Helper()
		all, err := accounts.Providers().Load(sendersFile(t, more), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		r, err := open(all)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	c := newCurrent(load(""), func(r *receivers) http.Handler {
		return callback.New(callback.Options{Senders: r.senders, Append: func(*spool.Record) error { return nil }, Answered: func(string, int, string) {}})
	})
	status := func(secret string) int {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/r/nx/"+secret, strings.NewReader("")))
		return w.Code
	}
	const previous = "the-secret-before-it"
	if status(secret) != http.StatusOK || status(previous) != http.StatusNotFound || c.soleUser("nx") {
		t.Error("before")
	}
	c.swap(load(", previous_secret: " + previous + ", sole_user: true"))
	if status(secret) != http.StatusOK || status(previous) != http.StatusOK || !c.soleUser("nx") {
		t.Error("after")
	}
	if _, ok := c.reader("nx"); !ok {
		t.Error("no reader")
	}
}
