package sandbox

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const nxcloud = "nxcloud"

// maxSkew is how far a signature's time may be from now, in ms.
const maxSkew = 60_000

// An NXAccount is the nxcloud account that the sandbox knows.
type NXAccount struct {
	AccessKey, AccessSecret string
	AppKey                  string
	TenantID                int64
	BusinessPhone           string
}

// DefaultNX is the account that the examples use.
func DefaultNX() NXAccount {
	return NXAccount{AccessKey: "sandbox-key", AccessSecret: "sandbox-secret", AppKey: "sandbox-app", TenantID: 1, BusinessPhone: "8615800001795"}
}

type nxAnswer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
	TraceID string `json:"traceId,omitempty"`
}

// nxError is a failure in the documented envelope.
func nxError(code, message string) reply {
	n, err := strconv.Atoi(code)
	if err != nil {
		n = -1
	}
	r := jsonReply(nxAnswer{Code: n, Message: message})
	r.code = code
	return r
}

func nxViolation(code, format string, args ...any) reply {
	r := nxError(code, "parameter error")
	r.violation = fmt.Sprintf("nxcloud %s: %s", code, fmt.Sprintf(format, args...))
	return r
}

// authorise checks the common headers in their natural order: there at all, a
// known key, a fresh time, a true signature, the right action.
func (s *Sandbox) authorise(h http.Header, action string, body []byte) (reply, bool) {
	get := func(name string) string { return h.Get(name) }
	for _, name := range []string{"accessKey", "ts", "bizType", "action", "sign"} {
		if get(name) == "" {
			return nxViolation("1001", "header %s is missing", name), false
		}
	}
	if get("accessKey") != s.o.NX.AccessKey {
		return nxError("1005", "Insufficient permissions"), false
	}
	ts, err := strconv.ParseInt(get("ts"), 10, 64)
	if now := s.o.Now().UnixMilli(); err != nil || ts < now-maxSkew || ts > now+maxSkew {
		return nxError("1004", "Timestamp has expired"), false
	}
	if !signed(h, body, s.o.NX.AccessSecret) || !strings.HasPrefix(get("Content-Type"), "application/json") {
		return nxError("1003", "Invalid signature"), false
	}
	if get("bizType") != "2" || get("action") != action {
		return nxViolation("1002", "bizType %q, action %q", get("bizType"), get("action")), false
	}
	return reply{}, true
}

// signed checks a request's signature over exactly the bytes that came.
func signed(h http.Header, body []byte, secret string) bool {
	text := fmt.Sprintf("accessKey=%s&action=%s&bizType=%s&ts=%s", h.Get("accessKey"), h.Get("action"), h.Get("bizType"), h.Get("ts"))
	if len(body) > 0 {
		text += "&body=" + string(body)
	}
	text += "&accessSecret=" + secret
	var sum string
	switch h.Get("algorithm") {
	case "", "md5":
		d := md5.Sum([]byte(text))
		sum = hex.EncodeToString(d[:])
	case "sha256":
		d := sha256.Sum256([]byte(text))
		sum = hex.EncodeToString(d[:])
	default:
		return false
	}
	return h.Get("sign") == sum
}

func (s *Sandbox) serveNX(w http.ResponseWriter, r *http.Request) {
	s.receive(w, r, nxcloud, func(a *arrival) reply {
		answer, ok := s.authorise(r.Header, "mt", a.body)
		var m nxMessage
		err := json.Unmarshal(a.body, &m)
		if m.To != "" {
			a.phones = []string{m.To}
		}
		if !ok {
			return answer
		}
		if err != nil {
			return nxViolation("1002", "the body is no JSON of the documented shape")
		}
		if bad, ok := s.checkNX(&m); !ok {
			return bad
		}
		id := messageID(s.ids.Add(1))
		good := jsonReply(nxAnswer{Data: map[string]string{"message_id": id}, TraceID: fmt.Sprintf("%032x", s.ids.Load())})
		good.ok, good.taken, good.ids = true, true, []string{id}
		return good
	})
}

type nxMessage struct {
	TenantID         *int64      `json:"tenant_id"`
	AppKey           string      `json:"appkey"`
	BusinessPhone    string      `json:"business_phone"`
	MessagingProduct string      `json:"messaging_product"`
	RecipientType    string      `json:"recipient_type"`
	To               string      `json:"to"`
	Type             string      `json:"type"`
	Template         *nxTemplate `json:"template"`
}

type nxTemplate struct {
	Name     string `json:"name"`
	Language struct {
		Code   string `json:"code"`
		Policy string `json:"policy"`
	} `json:"language"`
	Components []nxComponent `json:"components"`
}

type nxComponent struct {
	Type       string        `json:"type"`
	SubType    string        `json:"sub_type"`
	Index      *int          `json:"index"`
	Parameters []nxParameter `json:"parameters"`
}

type nxParameter struct {
	Type  string  `json:"type"`
	Text  *string `json:"text"`
	Image *struct {
		Link string `json:"link"`
	} `json:"image"`
	CouponCode *string `json:"coupon_code"`
}

var number = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// checkNX checks the body's fields, each with its documented code.
func (s *Sandbox) checkNX(m *nxMessage) (reply, bool) {
	acc := s.o.NX
	switch {
	case m.TenantID == nil:
		return nxViolation("21058", "tenant_id is missing"), false
	case m.AppKey == "":
		return nxViolation("21059", "appkey is missing"), false
	case m.BusinessPhone == "":
		return nxViolation("21060", "business_phone is missing"), false
	case m.To == "":
		return nxViolation("21061", "to is missing"), false
	case m.Type != "template":
		return nxViolation("21062", "type is %q", m.Type), false
	case m.Template == nil || m.Template.Name == "":
		return nxViolation("21063", "template is missing"), false
	case m.MessagingProduct != "whatsapp" || m.RecipientType != "individual":
		return nxViolation("1002", "messaging_product %q, recipient_type %q", m.MessagingProduct, m.RecipientType), false
	case m.Template.Language.Policy != "deterministic":
		return nxViolation("1002", "policy %q", m.Template.Language.Policy), false
	case *m.TenantID != acc.TenantID:
		return nxError("22020", "customer does not exist"), false
	case m.AppKey != acc.AppKey:
		return nxError("22124", "application does not exist"), false
	case m.BusinessPhone != acc.BusinessPhone:
		return nxError("22049", "merchant does not exist"), false
	case !number.MatchString(m.To):
		return nxError("22090", "illegal number"), false
	}
	return s.checkTemplate(m.Template)
}

// checkTemplate checks shape and number of a template's parameters.
func (s *Sandbox) checkTemplate(t *nxTemplate) (reply, bool) {
	s.mu.Lock()
	known := slices.Clone(s.templates)
	s.mu.Unlock()
	var tpl *Template
	named := false
	for i := range known {
		if known[i].Name == t.Name {
			named = true
			if known[i].Language == t.Language.Code {
				tpl = &known[i]
			}
		}
	}
	switch {
	case !named:
		return nxError("22093", "template does not exist"), false
	case tpl == nil:
		return nxError("22092", "language pack does not exist: "+t.Language.Code), false
	case tpl.Status != "APPROVED":
		return nxError("22141", "(#132015) Template is paused"), false
	}
	header, body, buttons := 0, 0, 0
	for _, c := range t.Components {
		for _, p := range c.Parameters {
			if bad, ok := checkParameter(c, p); !ok {
				return bad, false
			}
		}
		switch c.Type {
		case "header":
			header += len(c.Parameters)
		case "body":
			body += len(c.Parameters)
		case "button":
			buttons++
			if c.Index == nil {
				return nxViolation("1002", "a button without index"), false
			}
		default:
			return nxViolation("1002", "component type %q", c.Type), false
		}
	}
	if header != tpl.headerVariables() || body != tpl.bodyVariables() || buttons != tpl.buttonVariables() {
		return nxError("22141", "(#132000) Number of parameters does not match the expected number of params"), false
	}
	return reply{}, true
}

func checkParameter(c nxComponent, p nxParameter) (reply, bool) {
	fits := false
	switch {
	case c.Type == "header":
		fits = p.Type == "image" && p.Image != nil && strings.HasPrefix(p.Image.Link, "http")
	case c.Type == "body":
		fits = p.Type == "text" && p.Text != nil
	case c.Type == "button" && strings.EqualFold(c.SubType, "url"):
		fits = p.Type == "text" && p.Text != nil
	case c.Type == "button" && strings.EqualFold(c.SubType, "copy_code"):
		fits = p.Type == "coupon_code" && p.CouponCode != nil
	}
	if p.Text != nil && (strings.ContainsAny(*p.Text, "\r\n\t") || strings.Contains(*p.Text, "     ")) {
		return nxError("22141", "(#132018) Param text cannot have new-line/tab characters or more than 4 consecutive spaces"), false
	}
	if !fits {
		return nxViolation("1002", "parameter %q of component %q %q", p.Type, c.Type, c.SubType), false
	}
	return reply{}, true
}
