package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// mtMessage is a request of nxcloud's plain product.
type mtMessage struct {
	AppKey           string          `json:"appkey"`
	BusinessPhone    string          `json:"business_phone"`
	MessagingProduct string          `json:"messaging_product"`
	RecipientType    string          `json:"recipient_type"`
	To               string          `json:"to"`
	Type             string          `json:"type"`
	Template         *mtTemplate     `json:"template"`
	Text             json.RawMessage `json:"text"`
	Image            json.RawMessage `json:"image"`
	Video            json.RawMessage `json:"video"`
	Audio            json.RawMessage `json:"audio"`
	Document         json.RawMessage `json:"document"`
	Sticker          json.RawMessage `json:"sticker"`
	Location         json.RawMessage `json:"location"`
	ID               string          `json:"cus_message_id"`
	Webhook          string          `json:"dr_webhook"`
}

// mtTemplate is a template whose buttons' index is a string.
type mtTemplate struct {
	Name     string `json:"name"`
	Language struct {
		Code   string `json:"code"`
		Policy string `json:"policy"`
	} `json:"language"`
	Components []struct {
		Type       string `json:"type"`
		SubType    string `json:"sub_type"`
		Index      string `json:"index"`
		Parameters []struct {
			Type     string          `json:"type"`
			Text     json.RawMessage `json:"text"`
			Image    json.RawMessage `json:"image"`
			Video    json.RawMessage `json:"video"`
			Document json.RawMessage `json:"document"`
			Payload  json.RawMessage `json:"payload"`
		} `json:"parameters"`
	} `json:"components"`
}

// mtRefused is a refusal of Meta's, as the plain product passes it on.
func mtRefused(code int, title string) reply {
	r := jsonReply(nxAnswer{Code: 9099, Message: "WhatsApp error", Data: map[string]any{"error": map[string]any{"code": code, "title": title}}})
	r.code = "9099"
	return r
}

func (s *Sandbox) serveMT(w http.ResponseWriter, r *http.Request) {
	s.receive(w, r, nxcloud, func(a *arrival) reply {
		answer, ok := s.authorise(r.Header, "mt", a.body)
		var m mtMessage
		d := json.NewDecoder(strings.NewReader(string(a.body)))
		d.DisallowUnknownFields()
		err := d.Decode(&m)
		if m.To != "" {
			a.phones = []string{m.To}
		}
		a.cusID, a.webhook = m.ID, m.Webhook
		if !ok {
			return answer
		}
		if err != nil {
			return nxViolation("9000", "the body is not of the documented shape")
		}
		if bad, ok := s.checkMT(&m); !ok {
			return bad
		}
		id := messageID(s.ids.Add(1))
		if m.ID != "" {
			id = m.ID
		}
		good := jsonReply(nxAnswer{Message: "success", Data: map[string]any{"messages": []map[string]string{{"id": id}}}})
		good.ok, good.taken, good.ids = true, true, []string{id}
		return good
	})
}

// checkMT checks the fields, each with its documented code.
func (s *Sandbox) checkMT(m *mtMessage) (reply, bool) {
	acc := s.o.NX
	body := map[string]json.RawMessage{
		"text": m.Text, "image": m.Image, "video": m.Video, "audio": m.Audio, "document": m.Document, "sticker": m.Sticker, "location": m.Location,
	}
	switch {
	case m.AppKey == "" || m.BusinessPhone == "" || m.To == "" || m.Type == "":
		return nxViolation("9000", "a field that is required is missing"), false
	case m.MessagingProduct != "whatsapp" || m.RecipientType != "individual":
		return nxViolation("9000", "messaging_product %q, recipient_type %q", m.MessagingProduct, m.RecipientType), false
	case m.AppKey != acc.AppKey || m.BusinessPhone != acc.BusinessPhone:
		return nxError("9002", "application does not exist"), false
	case !number.MatchString(m.To):
		return mtRefused(131026, "Message undeliverable"), false
	case m.Type == "template":
		if m.Template == nil {
			return nxViolation("9000", "template is missing"), false
		}
		return s.checkMTTemplate(m.Template)
	case len(body[m.Type]) == 0:
		return nxViolation("9000", "type %q, and its object is missing", m.Type), false
	}
	return checkMTObject(m.Type, body[m.Type])
}

// checkMTObject checks a message that is no template.
func checkMTObject(kind string, raw json.RawMessage) (reply, bool) {
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		return nxViolation("9000", "%s is no object", kind), false
	}
	allowed := map[string][]string{
		"text": {"body", "preview_url"}, "image": {"link", "caption"}, "video": {"link", "caption"}, "audio": {"link"},
		"document": {"link", "filename"}, "sticker": {"link"}, "location": {"longitude", "latitude", "name", "address"},
	}[kind]
	known := map[string]bool{}
	for _, name := range allowed {
		known[name] = true
	}
	for name := range o {
		if !known[name] {
			return nxViolation("9000", "%s has %q", kind, name), false
		}
	}
	if first, _ := o[allowed[0]].(string); first == "" && kind != "location" || kind != "text" && kind != "location" && !strings.HasPrefix(first, "http") {
		return nxViolation("9000", "%s has no %s", kind, allowed[0]), false
	}
	return reply{}, true
}

// checkMTTemplate checks shape and number of a template's parameters.
func (s *Sandbox) checkMTTemplate(t *mtTemplate) (reply, bool) {
	if t.Language.Policy != "deterministic" {
		return nxViolation("9000", "policy %q", t.Language.Policy), false
	}
	s.mu.Lock()
	var tpl *Template
	for i := range s.templates {
		if s.templates[i].Name == t.Name && s.templates[i].Language == t.Language.Code {
			found := s.templates[i]
			tpl = &found
		}
	}
	s.mu.Unlock()
	switch {
	case tpl == nil:
		return mtRefused(132001, "Template name does not exist in the translation"), false
	case tpl.Status != "APPROVED":
		return mtRefused(132015, "Template is paused"), false
	}
	header, body, buttons := 0, 0, 0
	for _, c := range t.Components {
		switch c.Type {
		case "header":
			header += len(c.Parameters)
		case "body":
			body += len(c.Parameters)
		case "button":
			buttons++
			if n, err := strconv.Atoi(c.Index); err != nil || n < 0 || n > 9 {
				return nxViolation("9000", "a button's index is %q", c.Index), false
			}
		default:
			return nxViolation("9000", "component type %q", c.Type), false
		}
		for _, p := range c.Parameters {
			value := map[string]json.RawMessage{"text": p.Text, "image": p.Image, "video": p.Video, "document": p.Document, "payload": p.Payload}[p.Type]
			if len(value) == 0 {
				return nxViolation("9000", "parameter %q of component %q", p.Type, c.Type), false
			}
		}
	}
	if header != tpl.headerVariables() || body != tpl.bodyVariables() || buttons != tpl.buttonVariables() {
		return mtRefused(132000, fmt.Sprintf("%d, %d and %d parameters do not match the template's", header, body, buttons)), false
	}
	return reply{}, true
}
