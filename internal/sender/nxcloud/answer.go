package nxcloud

import (
	"encoding/json"
	"strconv"
	"strings"

	"sluice/internal/sender"
)

const (
	// maxMessageID bounds what is kept of an answer; real ones have about 30 bytes.
	maxMessageID = 256
	// maxCode is more than any code; documented ones have five digits.
	maxCode = 999_999
)

// An envelope is the form of every answer. Its parts are read leniently, for the
// documents contradict each other on their types.
type envelope struct {
	Code    scalar          `json:"code"`
	Message scalar          `json:"message"`
	Data    json.RawMessage `json:"data"`

	code int  // Code as a number
	ok   bool // there is one to go by
}

// A scalar is a JSON string or number; anything else reads as "".
type scalar string

// UnmarshalJSON never fails.
func (s *scalar) UnmarshalJSON(b []byte) error {
	*s = ""
	switch {
	case len(b) == 0:
	case b[0] == '"':
		var text string
		if json.Unmarshal(b, &text) == nil {
			*s = scalar(text)
		}
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*s = scalar(b)
	}
	return nil
}

// open reads an answer's envelope.
func open(body []byte) envelope {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return envelope{}
	}
	e.code, e.ok = number(string(e.Code))
	return e
}

// number reads a code. A number longer than any code is none: it might be a
// phone number.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && -maxCode <= n && n <= maxCode
}

// A reply is what is read of an answer to a send.
type reply struct {
	code      int
	ok        bool // there is a code to go by
	message   string
	messageID string
	meta      string // the code of Meta's that the plain product names apart
}

// namesMessage says that the answer a, opened as r, names a message.
func (r reply) namesMessage(a sender.Answer) bool {
	return r.messageID != "" || sender.NamesMessage(a.Body)
}

// openReply reads the form that the provider documents in one go, and any
// other leniently.
func (p *Provider) openReply(body []byte) reply { return openReply(body, p.options.Plain != nil) }

func openReply(body []byte, mt bool) reply {
	var documented struct {
		Code    json.Number `json:"code"`
		Message string      `json:"message"`
		Data    struct {
			MessageID string `json:"message_id"`
			Messages  []struct {
				ID string `json:"id"`
			} `json:"messages"`
			Error struct {
				Code scalar `json:"code"`
			} `json:"error"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &documented) == nil {
		r := reply{message: documented.Message, messageID: strings.TrimSpace(documented.Data.MessageID), meta: string(documented.Data.Error.Code)}
		if mt {
			r.messageID = ""
			if len(documented.Data.Messages) > 0 {
				r.messageID = strings.TrimSpace(documented.Data.Messages[0].ID)
			}
		}
		r.code, r.ok = number(documented.Code.String())
		return r
	}
	e := open(body)
	var data struct {
		MessageID scalar `json:"message_id"`
		Messages  []struct {
			ID scalar `json:"id"`
		} `json:"messages"`
		Error struct {
			Code scalar `json:"code"`
		} `json:"error"`
	}
	// What is no object has no message_id.
	_ = json.Unmarshal(e.Data, &data)
	id := data.MessageID
	if mt {
		id = ""
		if len(data.Messages) > 0 {
			id = data.Messages[0].ID
		}
	}
	return reply{code: e.code, ok: e.ok, message: string(e.Message), messageID: strings.TrimSpace(string(id)), meta: string(data.Error.Code)}
}

// read is what an answer to a send, opened as e, means for its recipient. The code goes
// before the HTTP status, which the provider does not document, but
//   - success under a status that says otherwise is in doubt;
//   - an unlisted code under such a status may be a gateway's: the status counts;
//   - a failure under a status that asks for fewer requests is Throttled;
//   - whatever is no success and names a message all the same is in doubt.
func (p *Provider) read(a sender.Answer, e reply, try int) sender.Result {
	return read(a, e, func() sender.Result {
		if p.options.Plain != nil {
			return p.options.Plain.classify(e)
		}
		return classify(e.code, e.message, try)
	})
}

func read(a sender.Answer, e reply, classify func() sender.Result) sender.Result {
	result := readCode(a, e, classify)
	if result.Outcome != sender.Accepted && e.namesMessage(a) {
		return result.WithID()
	}
	return result
}

func readCode(a sender.Answer, e reply, classify func() sender.Result) sender.Result {
	success := a.Status >= 200 && a.Status <= 299
	switch {
	case !e.ok:
		return a.ResultByStatus()
	case e.code == 0 && !success:
		return sender.Result{Outcome: sender.Unknown, Code: sender.HTTPCode(a.Status)}
	case e.code == 0:
		return taken(e.messageID)
	}
	result := classify()
	if success {
		return result
	}
	if result.Unlisted {
		return a.ResultByStatus()
	}
	if status := a.ResultByStatus(); status.Outcome == sender.Throttled && result.Outcome == sender.Failed {
		result.Outcome = sender.Throttled
	}
	if result.Outcome == sender.Throttled && !result.Pair {
		result.RetryAfter = max(result.RetryAfter, a.RetryAfter)
	}
	return result
}

// taken is a success. Without a message_id it is in doubt: the provider says
// that it took the message, and no receipt can ever be matched.
func taken(messageID string) sender.Result {
	switch {
	case messageID == "":
		return sender.Result{Outcome: sender.Unknown, Code: codeNoMessageID}
	case len(messageID) > maxMessageID:
		return sender.Result{Outcome: sender.Unknown, Code: sender.CodeBadAnswer}
	}
	return sender.Result{Outcome: sender.Accepted, MessageID: messageID}
}
