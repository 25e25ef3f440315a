package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const innopaas = "innopaas"

// Limits of the documents.
const (
	maxNumbers = 1000
	maxUID     = 32
)

// An InnoAccount is the innopaas account that the sandbox knows.
type InnoAccount struct {
	AppKey, Authorization string
	WabaID, SendNumber    string
	MMLitePath            string // the vendor publishes none; this is the sandbox' own
}

// DefaultInno is the account that the examples use.
func DefaultInno() InnoAccount {
	return InnoAccount{
		AppKey: "sandbox-app", Authorization: "sandbox-token", WabaID: "110000000000001",
		SendNumber: "8618900000000", MMLitePath: "/api/whatsapp/v3/mmlite/submit",
	}
}

type innoAnswer struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

func innoError(code, message string) reply {
	r := jsonReply(innoAnswer{Code: code, Message: message})
	r.code = code
	return r
}

func innoViolation(code, format string, args ...any) reply {
	r := innoError(code, "parameter error")
	r.violation = fmt.Sprintf("innopaas %s: %s", code, fmt.Sprintf(format, args...))
	return r
}

type innoMessage struct {
	WabaID          string            `json:"wabaId"`
	MessageType     string            `json:"messageType"`
	UID             string            `json:"uid"`
	SendNumber      string            `json:"sendNumber"`
	RecipientNumber string            `json:"recipientNumber"`
	Body            string            `json:"body"`
	Language        string            `json:"language"`
	TemplateName    string            `json:"templateName"`
	Header          *innoHeader       `json:"header"`
	BodyParams      []string          `json:"bodyParams"`
	ButtonParams    []innoParameter   `json:"buttonParams"`
	Media           *innoMedia        `json:"media"`
	Location        map[string]string `json:"location"`
	Contacts        []json.RawMessage `json:"contacts"`
	Interactive     *innoInteractive  `json:"interactive"`
}

type innoHeader struct {
	Type       string `json:"type"`
	Link       string `json:"link"`
	Caption    string `json:"caption"`
	ParamValue string `json:"paramValue"`
}

type innoParameter struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type innoMedia struct {
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
}

func (s *Sandbox) serveInno(mmlite bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.receive(w, r, innopaas, func(a *arrival) reply {
			var m innoMessage
			err := json.Unmarshal(a.body, &m)
			if m.RecipientNumber != "" {
				a.phones = strings.Split(m.RecipientNumber, ",")
			}
			a.uid = m.UID
			acc := s.o.Inno
			switch {
			case r.Header.Get("AppKey") != acc.AppKey:
				return innoError("101", "account does not exist")
			case r.Header.Get("Authorization") != acc.Authorization:
				return innoError("102", "wrong password")
			case err != nil:
				return innoViolation("112", "the body is no JSON of the documented shape")
			}
			if bad, ok := s.checkInno(&m, mmlite, a); !ok {
				return bad
			}
			id := fmt.Sprintf("%018d", 701_000_000_000_000_000+s.ids.Add(1))
			good := jsonReply(innoAnswer{Code: "0", Message: "ok", Data: id})
			good.ok, good.taken = true, true
			good.ids = slices.Repeat([]string{id}, len(a.phones))
			return good
		})
	}
}

func (s *Sandbox) checkInno(m *innoMessage, mmlite bool, a *arrival) (reply, bool) {
	acc := s.o.Inno
	switch {
	case len(m.UID) > 128:
		return innoViolation("105", "uid of %d characters", len(m.UID)), false
	case len(m.UID) > maxUID:
		return innoViolation("105", "uid of %d characters, at most 32 are documented", len(m.UID)), false
	case m.WabaID != acc.WabaID:
		return innoError("101", "account does not exist"), false
	case m.SendNumber != acc.SendNumber:
		return innoError("118", "sending number does not exist"), false
	case len(a.phones) == 0 || len(a.phones) > maxNumbers:
		return innoViolation("109", "%d numbers", len(a.phones)), false
	case mmlite && m.MessageType != "template":
		return innoViolation("112", "MMLite takes templates alone"), false
	}
	for _, p := range a.phones {
		if !number.MatchString(p) {
			return innoError("108", "phone number format wrong"), false
		}
	}
	s.mu.Lock()
	fresh := m.UID == "" || s.book.uid(m.UID)
	s.mu.Unlock()
	if !fresh {
		return innoViolation("105", "a uid was used twice"), false
	}
	if what := m.broken(); what != "" {
		return innoViolation("112", "%s: %s", m.MessageType, what), false
	}
	if m.MessageType == "template" {
		return s.checkInnoTemplate(m)
	}
	return reply{}, true
}

func (s *Sandbox) checkInnoTemplate(m *innoMessage) (reply, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.templates {
		t := &s.templates[i]
		if t.Name != m.TemplateName || t.Language != m.Language || t.Status != "APPROVED" {
			continue
		}
		if len(m.BodyParams) != t.bodyVariables() {
			return innoError("135", "content and variable count differ"), false
		}
		return reply{}, true
	}
	return innoError("143", "WhatsApp Template Not Found"), false
}

// broken says what is wrong with the part that belongs to the message's type.
func (m *innoMessage) broken() string {
	switch m.MessageType {
	case "template":
		return m.brokenTemplate()
	case "text":
		if m.Body == "" {
			return "no body"
		}
	case "image", "video", "audio", "document", "sticker":
		return m.Media.broken(m.MessageType)
	case "location":
		if m.Location["latitude"] == "" || m.Location["longitude"] == "" {
			return "no coordinates"
		}
	case "contacts":
		if len(m.Contacts) == 0 {
			return "no contacts"
		}
	case "interactive":
		return m.Interactive.broken()
	default:
		return "no such messageType"
	}
	return ""
}

func (m *innoMessage) brokenTemplate() string {
	switch {
	case m.TemplateName == "" || m.Language == "":
		return "no templateName or language"
	case strings.ToLower(m.TemplateName) != m.TemplateName:
		return "templateName has capitals"
	}
	for _, b := range m.ButtonParams {
		if b.Type != "text" || utf8.RuneCountInString(b.Value) > 20 {
			return "a button parameter that is no text of at most 20 characters"
		}
	}
	if h := m.Header; h != nil {
		switch h.Type {
		case "text":
			if h.Link != "" || h.Caption != "" {
				return "a text header with link or caption"
			}
		case "image", "video", "document":
			if !strings.HasPrefix(h.Link, "http") {
				return "a header without link"
			}
		default:
			return "header type " + h.Type
		}
	}
	return ""
}

func (m *innoMedia) broken(kind string) string {
	switch {
	case m == nil || !strings.HasPrefix(m.Link, "http"):
		return "no link"
	case kind == "audio" && m.Caption != "":
		return "audio with a caption"
	case kind == "document" && m.Filename == "":
		return "document without filename"
	}
	return ""
}
