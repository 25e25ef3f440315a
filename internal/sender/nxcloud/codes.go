package nxcloud

import (
	"strconv"
	"strings"

	"sluice/internal/sender"
)

// A code is one row of the provider's table.
type code struct {
	result  sender.Result // without Code
	meaning string        // what it is, and what a person can do
}

func denied(meaning string) code {
	return code{sender.Result{Outcome: sender.Denied}, meaning}
}

func rejected(meaning string) code {
	return code{sender.Result{Outcome: sender.Rejected}, meaning}
}

func failed(meaning string) code {
	return code{sender.Result{Outcome: sender.Failed}, meaning}
}

// lookup is the table: the codes of the SaaS send page and of the page on
// calling the API, but for 0. A code about the account or the template is
// Denied, for it would meet every recipient; one that may be about a single
// recipient after all is Rejected with Repeats.
func lookup(n int) (code, bool) {
	for _, part := range [...]func(int) (code, bool){lookupCall, lookupMissing, lookupSend} {
		if c, found := part(n); found {
			return c, true
		}
	}
	return code{result: sender.Result{Outcome: sender.Failed, Unlisted: true}}, false
}

// lookupCall are the codes of calling the API, whatever for.
func lookupCall(n int) (code, bool) {
	switch n {
	case -1:
		return failed("the provider's request failed, it does not say why; it is tried again, and if it lasts ask the provider"), true
	case 1001:
		return denied("a common header is missing; a proxy in between may remove it"), true
	case 1002:
		c := rejected("a parameter is wrong; compare the campaign's message with the template, and correct it with `producer amend`; compare the sender's settings with the account")
		c.result.Repeats, c.result.AtFirst = true, true
		return c, true
	case 1003:
		return denied("the signature is wrong; check access_key, access_secret and algorithm in the senders file, and that no proxy changes the body"), true
	case 1004:
		return denied("the signature has expired twice in a row; set the clock of Redis' machine, which workers go by and which must be right to 60 seconds, then resume"), true
	case 1005:
		return denied("no permission; check access_key in the senders file, and that the account may send WhatsApp messages"), true
	}
	if n >= 1000 && n <= 1009 {
		return denied("the provider did not authenticate the request; check access_key, access_secret and the account"), true
	}
	return code{}, false
}

// lookupMissing are the codes of what a submission lacks.
func lookupMissing(n int) (code, bool) {
	switch n {
	case 21058:
		return denied("tenant_id is missing; set it in the senders file"), true
	case 21059:
		return denied("appkey is missing; set it in the senders file"), true
	case 21060:
		return denied("business_phone is missing; set it in the senders file"), true
	case 21061:
		return rejected("the recipient's number is missing"), true
	case 21062:
		return denied("the type of message is missing or is not template; correct message.type with `producer amend`"), true
	case 21063:
		return denied("the template is missing; correct the message with `producer amend`"), true
	}
	return code{}, false
}

// lookupSend are the codes of sending itself.
func lookupSend(n int) (code, bool) {
	switch n {
	case 22020:
		return denied("the customer does not exist; check tenant_id in the senders file"), true
	case 22041:
		return failed("the provider's cloud platform failed to send; it is tried again"), true
	case 22042:
		return failed("the message could not be sent to WhatsApp; it is tried again"), true
	case 22049:
		return denied("there is no merchant of this business_phone; correct it in the senders file"), true
	case 22089:
		return denied("the sending number is not available (No Core App); ask the provider to bring it up, then resume"), true
	case 22090:
		c := rejected("illegal number; if it is everyone's, check business_phone in the senders file")
		c.result.Repeats = true
		return c, true
	case 22091:
		return rejected("not a WhatsApp user"), true
	case 22092:
		return denied("the template does not exist in this language; correct the language with `producer amend`, then resume"), true
	case 22093:
		return denied("the template does not exist; correct its name with `producer amend`, or create it, then resume"), true
	case 22122:
		return rejected("the application has no price for this country; have the provider add it"), true
	case 22123:
		return denied("the merchant's number is wrong; correct business_phone in the senders file"), true
	case 22124:
		return denied("the application does not exist or is not available; check appkey in the senders file"), true
	case 22125:
		return denied("the account has no balance; top up, then resume"), true
	case 22126:
		return denied("the sending number is not bound to the application; bind it in the provider's console, then resume"), true
	case 22141:
		return rejected("WhatsApp refused the message; the provider's message gave no code of Meta's"), true
	}
	return code{}, false
}

// classify is what the code n, not 0, with its message means for a recipient's
// submission number try.
func classify(n int, message string, try int) sender.Result {
	c, _ := lookup(n)
	result := c.result
	result.Code = sender.Code(strconv.Itoa(n))
	if n == 22042 || n == 22141 {
		if m, found := metaCode(message); found {
			result, _ = sender.MetaResult(m)
			return result
		}
	}
	if n == 22141 && try <= 1 {
		// It may be passing, the provider does not say: once more, then final.
		result.Outcome = sender.Failed
	}
	if result.Outcome == sender.Failed && sender.SpeaksOfLimit(message) {
		return sender.Result{Outcome: sender.Throttled, Code: result.Code}
	}
	return result
}

// metaCode finds the code of Meta's platform in a message, in Meta's own form,
// "(#131026) Message undeliverable", or else as a number that is in Meta's
// table and has the six digits that are WhatsApp's.
func metaCode(message string) (int, bool) {
	if _, after, found := strings.Cut(message, "(#"); found {
		digits, _, closed := strings.Cut(after, ")")
		if n, err := strconv.Atoi(strings.TrimSpace(digits)); closed && err == nil && n >= 0 && len(digits) <= 7 {
			return n, true
		}
	}
	for _, word := range strings.FieldsFunc(message, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(word) != 6 {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		if _, found := sender.MetaResult(n); found {
			return n, true
		}
	}
	return 0, false
}

// codeNoMessageID is the code of an answer that says success and names no message.
const codeNoMessageID sender.Code = "no_message_id"

// Meaning explains a code with what a person can do about it, or returns "".
func (p *Provider) Meaning(c sender.Code) string {
	if p.options.Plain != nil {
		return c.Meaning(meaningMT)
	}
	return c.Meaning(meaning)
}

// meaning explains the provider's own codes.
func meaning(c sender.Code) string {
	if c == codeNoMessageID {
		return "the provider says that it took the message and names no message_id; ask the provider, then `producer resolve`"
	}
	n, err := strconv.Atoi(string(c))
	if err != nil {
		return ""
	}
	row, _ := lookup(n)
	return row.meaning
}
