package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// callbackAge is how old a callback may be, and how far in the future.
const callbackAge = 5 * time.Minute

// A Callback is what an endpoint is told of a campaign. Its ID is the same however
// often it is told.
type Callback struct {
	ID       string            `json:"-"`
	Type     string            `json:"type"` // such as campaign.finished
	Campaign string            `json:"campaign"`
	Seq      int               `json:"seq"`
	At       time.Time         `json:"at"`
	Labels   map[string]string `json:"labels"`
	Status   Status            `json:"status"` // as of when it was told
	Problems []Trouble         `json:"problems"`
	Percent  int               `json:"percent"` // of campaign.progress: how much was done then
}

// ErrCallback says that a callback is not signed by who has the secret, or is too
// old.
var ErrCallback = errors.New("not a callback of ours")

// VerifyCallback checks a callback's signature by Standard Webhooks, and reads it.
// Secret is the endpoint's, as it was shown; body is the request's, as it came.
func VerifyCallback(secret string, header http.Header, body []byte, now time.Time) (*Callback, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return nil, fmt.Errorf("the secret is none: %w", err)
	}
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > callbackAge {
		return nil, ErrCallback
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	for _, got := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			c := Callback{ID: id}
			if err := json.Unmarshal(body, &c); err != nil {
				return nil, fmt.Errorf("reading the callback: %w", err)
			}
			return &c, nil
		}
	}
	return nil, ErrCallback
}
