package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A stream that breaks off anywhere goes on behind the last event: each is yielded once.
func TestEvents(t *testing.T) {
	t.Parallel()
	const all = 20
	asked := 0
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if asked == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		last := 0
		_, _ = fmt.Sscanf(r.Header.Get("Last-Event-ID"), "%d-0", &last)
		fmt.Fprint(w, "retry: 2000\n\n:\n\n")
		for i := last + 1; i <= min(last+7, all); i++ {
			text := fmt.Sprintf("event: campaign.progress\ndata: {\"status\":{\"accepted\":%d}}\n\nid: %d-0\r\nevent: campaign.state\ndata: {\"campaign\":\"sale\",\ndata: \"to\":\"s%d\",\"type\":\"x\"}\n\n", i, i, i)
			if i == last+7 {
				text = text[:len(text)-1-i%5] // in the middle of an event
			}
			fmt.Fprint(w, text)
		}
		if last+7 > all {
			fmt.Fprint(w, "event: other\ndata: {}\n\n")
		}
		w.(http.Flusher).Flush()
	}))
	t.Cleanup(at.Close)
	c := New(at.URL, "t")
	c.wait = 0
	var got, want []string
	for i := range all {
		want = append(want, fmt.Sprintf("s%d", i+1))
	}
	for e, err := range c.Events(t.Context(), "sale") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "campaign.state" {
			got = append(got, e.To)
		} else if e.Status == nil && e.Type != "other" || e.ID != "" {
			t.Errorf("%+v", e)
		}
		if e.Type == "other" {
			break
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v", got)
	}
}

// A problem, and the end of the caller's time, end the events.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "none") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(at.Close)
	c := New(at.URL, "t")
	c.wait = 0
	var p *Problem
	n := 0
	for _, err := range c.Events(t.Context(), "none") {
		if n++; !errors.As(err, &p) || p.Status != http.StatusNotFound {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	for _, err := range c.Events(ctx, "sale") {
		if n++; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Errorf("%d errors", n)
	}
}
