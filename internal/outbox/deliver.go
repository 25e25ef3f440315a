package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// deliverWithin is how long an endpoint may take to answer.
	deliverWithin = 10 * time.Second
	// deliverEvery is how often it is looked for what is due.
	deliverEvery = 500 * time.Millisecond
	// deliveriesAtOnce is of one process.
	deliveriesAtOnce = 16
)

// A Message is what is told of an event, as it is now.
type Message struct {
	Endpoint string // "": of nobody
	Sender   string
	Body     []byte
	Over     bool // the campaign is over
}

// A Deliverer delivers what is due. Any number may run.
type Deliverer struct {
	Store  *Store
	Client *http.Client // as NewClient makes it
	// Plain is for endpoints that have no TLS; nil: they are refused.
	Plain *http.Client
	// Message says what to tell of an event, and to whom.
	Message func(ctx context.Context, e Event) (*Message, error)
	// Over says whether a campaign is over, or gone.
	Over func(ctx context.Context, id string) (bool, error)
	// Count counts what came of a callback: told, failed or gone; nil: nobody counts.
	Count func(result string)
	Log   zerolog.Logger
}

// Run delivers until ctx ends, and waits for what is under way.
func (d *Deliverer) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	places := make(chan struct{}, deliveriesAtOnce)
	tick := time.NewTicker(deliverEvery)
	defer tick.Stop()
	for {
		if err := d.look(ctx, places, &under); err != nil && ctx.Err() == nil {
			d.Log.Warn().Err(err).Msg("could not look for what is to be told")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *Deliverer) look(ctx context.Context, places chan struct{}, under *sync.WaitGroup) error {
	ids, err := d.Store.campaigns(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		events, err := d.Store.take(ctx, id)
		if err != nil {
			return err
		}
		for _, e := range events {
			select {
			case places <- struct{}{}:
			case <-ctx.Done(): // another process takes it after the lease
				return nil
			}
			under.Go(func() {
				defer func() { <-places }()
				d.deliver(ctx, e)
			})
		}
		if len(events) > 0 {
			continue
		}
		over, err := d.Over(ctx, id)
		if err != nil {
			return err
		}
		if over {
			if err := d.Store.close(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver tells one event, and notes what came of it, also while the process stops.
func (d *Deliverer) deliver(ctx context.Context, e Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWithin+5*time.Second)
	defer cancel()
	if err := d.tell(ctx, e); err != nil {
		d.Log.Warn().Err(err).Str("campaign", e.Campaign).Int("seq", e.Seq).Msg("could not note what came of a callback")
	}
}

func (d *Deliverer) tell(ctx context.Context, e Event) error {
	m, err := d.Message(ctx, e)
	if err != nil {
		return err // it is tried again after the lease
	}
	if m.Endpoint == "" {
		return d.Store.told(ctx, e)
	}
	k, err := d.Store.get(ctx, m.Endpoint)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && !k.Hears(m.Sender):
		return d.Store.told(ctx, e)
	case err != nil:
		return err
	case k.Disabled:
		return d.Store.failed(ctx, e, k.Name, true, 0)
	}
	status, err := d.post(ctx, k, e.ID(), m.Body)
	d.Log.Info().Str("campaign", e.Campaign).Int("seq", e.Seq).Str("endpoint", k.Name).Int("status", status).Int("try", e.Tries+1).Bool("answered", err == nil).Msg("told")
	switch {
	case err == nil && status >= 200 && status < 300:
		d.count("told")
		return d.Store.told(ctx, e)
	case err == nil && status == http.StatusGone:
		d.count("gone")
		k.Disabled = true
		return errors.Join(d.Store.put(ctx, k), d.Store.failed(ctx, e, k.Name, true, 0))
	}
	d.count("failed")
	return d.Store.failed(ctx, e, k.Name, false, rand.Float64())
}

func (d *Deliverer) count(result string) {
	if d.Count != nil {
		d.Count(result)
	}
}

// Ping tells an endpoint something of no campaign, and returns the status of its
// answer.
func (d *Deliverer) Ping(ctx context.Context, name string) (int, error) {
	k, err := d.Store.get(ctx, name)
	if err != nil {
		return 0, err
	}
	return d.post(ctx, k, "ping."+strconv.FormatInt(d.Store.now().UnixMilli(), 10), []byte(`{"type":"ping"}`))
}

// post posts a body, signed by Standard Webhooks.
func (d *Deliverer) post(ctx context.Context, k *kept, id string, body []byte) (int, error) {
	client := d.Client
	if strings.HasPrefix(k.URL, "http:") {
		if client = d.Plain; client == nil {
			return 0, errForbidden
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	at := strconv.FormatInt(d.Store.now().Unix(), 10)
	var signatures []string
	for _, secret := range k.Secrets {
		signatures = append(signatures, Sign(secret, id, at, body))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "sluice")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", at)
	req.Header.Set("webhook-signature", strings.Join(signatures, " "))
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	return resp.StatusCode, nil
}

// Sign is a signature by Standard Webhooks.
func Sign(secret []byte, id, at string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
