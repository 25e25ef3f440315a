package innopaas

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/sender"
)

// callback is the documented envelope with the body of a status.
type callback struct {
	Type      string `json:"type"`
	EventTime string `json:"eventTime"`
	Body      struct {
		ID     word   `json:"id"`
		UID    string `json:"uid"`
		Status string `json:"status"`
		Phone  word   `json:"sendPhone"`
		Error  struct {
			Code word `json:"errorCode"`
		} `json:"errorData"`
	} `json:"body"`
}

// A word is a JSON string, or a number as it is written.
type word string

// UnmarshalJSON takes both.
func (t *word) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, (*string)(t))
	}
	*t = word(raw)
	return nil
}

const statusUpdated = "whatsapp_message_status_updated"

// ReadCallback reads one status, or tells what else there is by its kind.
func (p *Provider) ReadCallback(body []byte) (sender.Callback, error) {
	var read sender.Callback
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &head); err != nil || head.Type == "" {
		return read, errors.New("the callback is no JSON object with a type")
	}
	if head.Type != statusUpdated {
		read.Others = []string{eventKind(head.Type)}
		if e, ok := templateEvent(body); ok && read.Others[0] == "message_template_status_update" {
			read.Events = []sender.Event{e}
		}
		return read, nil
	}
	var c callback
	err := json.Unmarshal(body, &c)
	r, ok := c.receipt()
	if err != nil || !ok {
		read.Invalid = 1
		return read, nil //nolint:nilerr // the kind is known; it counts as one that cannot be read
	}
	read.Receipts = []sender.Receipt{r}
	return read, nil
}

func eventKind(kind string) string {
	switch kind {
	case "whatsapp_mo_message_received":
		return "message"
	case "whatsapp_template_status_updated", "whatsapp_template_status_update":
		return "message_template_status_update"
	case "whatsapp_account_review_updated":
		return "account_review_update"
	case "whatsapp_phone_number_name_update":
		return "phone_number_name_update"
	}
	return "other_event"
}

// templateEvent reads the documented body of a template's change of status.
func templateEvent(body []byte) (sender.Event, bool) {
	var c struct {
		EventTime string `json:"eventTime"`
		Body      struct {
			Name     string `json:"templateName"`
			Language string `json:"templateLanguage"`
			Status   string `json:"templateStatus"`
			Reason   string `json:"reason"`
		} `json:"body"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return sender.Event{}, false
	}
	at, _ := time.Parse(time.RFC3339, c.EventTime) // zero: it does not say
	return sender.TemplateEvent(c.Body.Name, c.Body.Language, c.Body.Status, c.Body.Reason, at)
}

func (c *callback) receipt() (sender.Receipt, bool) {
	b := &c.Body
	r := sender.Receipt{MessageID: string(b.ID), Reference: b.UID}
	if number := strings.TrimPrefix(string(b.Phone), "+"); sender.IsNumber(number) {
		r.Phone = number
	}
	var err error
	if r.Time, err = time.Parse(time.RFC3339, c.EventTime); err != nil || r.Time.Unix() < 0 || r.Time.Unix() > sender.LastSecond {
		return r, false
	}
	switch b.Status {
	case "sent": // none is documented
		r.Status = sender.Sent
	case "delivered":
		r.Status = sender.Delivered
	case "read":
		r.Status = sender.Read
	case "failed":
		r.Status, r.Code = sender.Undelivered, sender.UndeliveredCode(string(b.Error.Code))
	case "SMECL:FAILED":
		r.Status, r.Code = sender.Undelivered, "smecl"
	default:
		return r, false
	}
	return r, (r.MessageID != "" || r.Reference != "") && len(r.MessageID) <= maxMessageID
}

// Signed says that no callback is: the one signature that is known of does not
// cover the body. The headers that the console puts on are compared by whoever
// receives.
func (p *Provider) Signed(http.Header, []byte, time.Time) (signed, ok bool) { return false, false }

// Tag is the first part of a uid.
func (p *Provider) Tag(campaign string) string {
	tag, _, _ := strings.Cut(UID(sender.Ref{Campaign: campaign}), "-")
	return tag
}

// Locates reads a uid. One that is a hash, which no real batch has, says nothing.
func (p *Provider) Locates(uid string) (sender.Located, bool) {
	parts := strings.Split(uid, "-")
	if len(uid) > maxUID || len(parts) != 4 {
		return sender.Located{}, false
	}
	l := sender.Located{Tag: parts[0]}
	for i, to := range []*int{&l.Batch, &l.Index, &l.Try} {
		n, err := strconv.ParseInt(parts[i+1], 36, 32)
		if err != nil || n < 0 {
			return l, false
		}
		*to = int(n)
	}
	return l, l.Try > 0
}
