package main

import (
	"errors"
	"testing"
	"time"

	"sluice/internal/desk"
	"sluice/internal/sender"
)

// Each sender that is opened is closed once, after its time or at the end, and none
// while somebody may have it.
func TestOpenedSendersAreClosed(t *testing.T) {
	t.Parallel()
	type provider struct {
		sender.Provider
		n int
	}
	at := time.Now()
	opened, closed := 0, map[int]int{}
	var fails error
	o := newOpenedSenders(func(string) (*desk.Sender, error) {
		if fails != nil {
			return nil, fails
		}
		opened++
		return &desk.Sender{Provider: provider{n: opened}}, nil
	}, func() time.Time { return at })
	o.close = func(p sender.Provider) { closed[p.(provider).n]++ } //nolint:forcetypeassert // it is of this test
	for range 1000 {
		s, err := o.get("promo")
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Provider.(provider).n; closed[n] > 0 { //nolint:forcetypeassert // it is of this test
			t.Fatalf("the sender that was opened as %d is closed", n)
		}
		if open := opened - len(closed); open > int(senderEnds/senderLasts)+2 {
			t.Fatalf("%d are open", open)
		}
		at = at.Add(time.Second)
	}
	if opened < 190 {
		t.Errorf("opened %d times", opened)
	}
	fails = errors.New("no such sender")
	at = at.Add(senderLasts)
	if _, err := o.get("promo"); err == nil {
		t.Error("it is not in the file any more")
	}
	o.closeAll()
	for n := range opened {
		if closed[n+1] != 1 {
			t.Errorf("the sender that was opened as %d was closed %d times", n+1, closed[n+1])
		}
	}
}
