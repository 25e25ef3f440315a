package main

import (
	"sync"
	"time"

	"sluice/internal/accounts"
	"sluice/internal/desk"
	"sluice/internal/sender"
)

const (
	// senderLasts is how long an opened sender is used before the file is read again.
	senderLasts = 5 * time.Second
	// senderEnds is how long one that was replaced may still be asked by who has it:
	// longer than any question to a provider takes.
	senderEnds = 2 * time.Minute
)

// openedSenders keeps senders for a while, for a program asks often, and closes those
// that it has replaced.
type openedSenders struct {
	open  func(string) (*desk.Sender, error)
	close func(sender.Provider)
	now   func() time.Time

	mu    sync.Mutex
	known map[string]openedSender
	over  []openedSender // the oldest first
}

type openedSender struct {
	sender *desk.Sender
	at     time.Time // when it was opened, or replaced
}

func newOpenedSenders(open func(string) (*desk.Sender, error), now func() time.Time) *openedSenders {
	return &openedSenders{open: open, close: accounts.Close, now: now, known: map[string]openedSender{}}
}

// get is a sender as the file has it, or had it a moment ago.
func (o *openedSenders) get(name string) (*desk.Sender, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	k, ok := o.known[name]
	if ok && now.Sub(k.at) < senderLasts {
		return k.sender, nil
	}
	if ok {
		o.over = append(o.over, openedSender{sender: k.sender, at: now})
		delete(o.known, name)
	}
	for len(o.over) > 0 && now.Sub(o.over[0].at) >= senderEnds {
		o.close(o.over[0].sender.Provider)
		o.over = o.over[1:]
	}
	s, err := o.open(name)
	if err != nil { // names come from outside: what is not there is not kept
		return nil, err
	}
	o.known[name] = openedSender{sender: s, at: now}
	return s, nil
}

// closeAll closes all that were opened, once nobody asks any more.
func (o *openedSenders) closeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.known {
		o.close(k.sender.Provider)
	}
	for _, k := range o.over {
		o.close(k.sender.Provider)
	}
	o.known, o.over = map[string]openedSender{}, nil
}
