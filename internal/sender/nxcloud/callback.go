package nxcloud

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/sender"
)

// maxCallbackSkew is how far a callback's time may be from now. The vendor's own
// bound is for requests to it, and callbacks come again.
const maxCallbackSkew = 5 * time.Minute

// callback is the documented body; every field may be missing.
type callback struct {
	Statuses []json.RawMessage `json:"statuses"`
	Messages []json.RawMessage `json:"messages"`
	Field    string            `json:"field"`
	Value    json.RawMessage   `json:"value"`
}

// status is one of statuses.
type status struct {
	ID        scalar `json:"id"`
	Status    string `json:"status"`
	Timestamp scalar `json:"timestamp"`
	Recipient scalar `json:"recipient_id"`
	Opaque    string `json:"biz_opaque_callback_data"`
	Errors    []struct {
		Code scalar `json:"code"`
	} `json:"errors"`
}

// ReadCallback reads statuses, of which there may be several, and tells what else
// there is by its kind.
func (p *Provider) ReadCallback(body []byte) (sender.Callback, error) {
	var read sender.Callback
	var c callback
	if err := json.Unmarshal(body, &c); err != nil || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return read, errors.New("the callback is no JSON object of the documented shape")
	}
	for _, raw := range c.Statuses {
		r, ok := readStatus(raw)
		if !ok {
			read.Invalid++
			continue
		}
		read.Receipts = append(read.Receipts, r)
	}
	if len(c.Messages) > 0 {
		read.Others = append(read.Others, "message")
	}
	if c.Field != "" {
		kind := eventKind(c.Field)
		read.Others = append(read.Others, kind)
		read.Events = events(kind, c.Value)
	}
	if len(c.Statuses)+len(read.Others) == 0 {
		return read, errors.New("the callback has neither statuses nor messages nor an event")
	}
	return read, nil
}

// eventKind bounds the kinds of event.
func eventKind(field string) string {
	switch field {
	case "message_template_status_update", "message_template_quality_update", "template_category_update",
		"account_update", "account_review_update", "phone_number_name_update", "phone_number_quality_update", "user_preferences":
		return field
	}
	return "other_event"
}

func readStatus(raw json.RawMessage) (sender.Receipt, bool) {
	var s status
	if err := json.Unmarshal(raw, &s); err != nil || s.ID == "" || len(s.ID) > maxMessageID {
		return sender.Receipt{}, false
	}
	r := sender.Receipt{MessageID: string(s.ID), Phone: digitsOf(string(s.Recipient)), Reference: s.Opaque}
	if r.Reference == "" && looksLikeReference(r.MessageID) {
		r.Reference = r.MessageID // the plain product's id is the one that it was given
	}
	var ok bool
	if r.Time, ok = unixTime(string(s.Timestamp)); !ok {
		return r, false
	}
	switch s.Status {
	case "sent":
		r.Status = sender.Sent
	case "delivered":
		r.Status = sender.Delivered
	case "read":
		r.Status = sender.Read
	case "failed":
		r.Status, r.Code = sender.Undelivered, "other"
		if len(s.Errors) > 0 {
			r.Code = sender.UndeliveredCode(string(s.Errors[0].Code))
		}
	case "deleted":
		r.Status, r.Deleted = sender.Sent, true
	default:
		return r, false
	}
	return r, true
}

// unixTime reads a time in Unix seconds, or in ms: the table says nothing of the
// unit, and other pages have those.
func unixTime(text string) (time.Time, bool) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if seconds > 1e11 {
		seconds /= 1000
	}
	return time.Unix(seconds, 0), err == nil && seconds >= 0 && seconds <= sender.LastSecond
}

// digitsOf is a number in digits, or "" for what is none, such as the id of a
// user who shows no number.
func digitsOf(recipient string) string {
	recipient = strings.TrimPrefix(recipient, "+")
	if !sender.IsNumber(recipient) {
		return ""
	}
	return recipient
}

// Signed checks the signature that a callback carries where the application is set
// to sign: the headers of a request in any case, over exactly the bytes that came.
func (p *Provider) Signed(h http.Header, body []byte, now time.Time) (signed, ok bool) {
	given := h.Get("sign")
	if given == "" {
		return false, false
	}
	ts := h.Get("ts")
	ms, err := strconv.ParseInt(ts, 10, 64)
	if err != nil || now.Sub(time.UnixMilli(ms)).Abs() > maxCallbackSkew {
		return true, false
	}
	for _, algorithm := range []string{"md5", "sha256"} {
		s, err := newSigner(algorithm, h.Get("accessKey"), h.Get("action"), h.Get("bizType"), p.options.AccessSecret)
		if err != nil {
			return true, false
		}
		want, _ := s.sign(nil, ts, body)
		if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(given))) == 1 {
			return true, true
		}
	}
	return true, false
}
