package innopaas

import (
	"strconv"
	"strings"
	"time"

	"sluice/internal/sender"
)

const (
	// maxCode bounds a code; the documented ones have three digits.
	maxCode = 10
	// dailyWait is how long code 131 asks to wait. The limit is the day's, and
	// no document says where the day begins: so ask again and again. No longer than
	// limits.max_pause_seconds is where it is not set, for more halts the campaign.
	dailyWait = 15 * time.Minute
)

const (
	codeNumbers sender.Code = "109"
	// metaValue is a value that Meta refuses: the number's, it may be.
	metaValue sender.Code = "meta_131009"
	// Codes of our own.
	codeNoMessageID sender.Code = "no_message_id"
	codeErrorPhone  sender.Code = "error_phone"
)

// A scope is whom a code concerns, where a request had several recipients.
type scope uint8

const (
	everyone  scope = iota // the account, the template, the request as a whole
	oneNumber              // a number; of several nobody knows which
	content                // what is sent: of one recipient perhaps their values; of several who share them, with a template, the account's affair
	numbers                // how many numbers, says one page; which number, another
)

// A code is one row of the provider's table.
type code struct {
	result  sender.Result // without Code; of a single recipient
	scope   scope
	meaning string // what it is, and what a person can do
}

func denied(meaning string) (code, bool) {
	return code{result: sender.Result{Outcome: sender.Denied}, meaning: meaning}, true
}

func rejected(of scope, repeats bool, meaning string) (code, bool) {
	return code{result: sender.Result{Outcome: sender.Rejected, Repeats: repeats}, scope: of, meaning: meaning}, true
}

// lookup is the table: the WhatsApp pages' codes, and those that only the vendor's
// SMS pages have.
func lookup(c sender.Code) (code, bool) {
	if row, found := lookupWhatsApp(c); found {
		return row, true
	}
	if row, found := lookupSMS(c); found {
		return row, true
	}
	return code{result: sender.Result{Outcome: sender.Failed, Unlisted: true}}, false
}

// lookupWhatsApp are the codes of the WhatsApp pages.
func lookupWhatsApp(c sender.Code) (code, bool) {
	switch c {
	case "101":
		return denied("the account does not exist; check app_key and waba_id in the senders file")
	case "102":
		return denied("wrong password; check authorization in the senders file: a new token in the console ends the old one")
	case "103":
		return denied("a count to be pulled has the wrong form, which belongs to another API; check base_url and mmlite_path in the senders file")
	case "104":
		return denied("a count to be pulled is out of range, which belongs to another API; check base_url and mmlite_path in the senders file")
	case "105":
		return denied("the uid is too long, and Sluice's has 32 characters at most; ask the provider")
	case "106":
		return rejected(content, true, "the content has more than 3000 characters; make it shorter with `producer amend`")
	case "108":
		return rejected(oneNumber, false, "a number has a wrong form; in a submission of several nobody knows whose, see partial_reject in the senders file")
	case codeNumbers:
		return rejected(numbers, true, "a wrong number, or a wrong count of numbers; check the recipients, and ask the provider how many numbers a request may have")
	case "110":
		return denied("the balance is not sufficient; top up, then resume")
	case "112":
		return denied("the product is configured wrongly; have the provider correct it, then resume")
	case "114":
		return denied("this machine's address is not allowed; add it to the account's IP whitelist, then resume")
	case "115":
		return rejected(oneNumber, false, "the account may not send to numbers in China; have the provider allow it, or leave them out")
	case "118":
		return denied("the sending number does not exist; check send_number in the senders file")
	case "143":
		return denied("the template does not exist; correct its name with `producer amend`, or create it, then resume")
	}
	return code{}, false
}

// lookupSMS are those that only the vendor's SMS pages have.
func lookupSMS(c sender.Code) (code, bool) {
	switch c {
	case "116":
		return denied("the account is deleted or disabled; ask the provider")
	case "117":
		return denied("the sender or its extension is too long; check send_number in the senders file")
	case "119":
		return denied("this address is not the account's; check base_url in the senders file with the provider")
	case "123":
		return rejected(content, true, "the content is empty; check the message, and with a template the number of its variables, and correct it with `producer amend`")
	case "124":
		return rejected(content, true, "the brief or verification code is empty; check the message, and with a template its variables, and correct it with `producer amend`")
	case "125":
		return rejected(oneNumber, false, "this number has had its 10 messages of the day; another campaign may try in 24 hours")
	case "126":
		return denied("a schedule time is missing or not valid, and Sluice sends none; ask the provider")
	case "128":
		return denied("the account has a wrong length; check app_key and waba_id in the senders file")
	case "129":
		return denied("the prices are configured wrongly; have the provider correct them, then resume")
	case "130":
		return code{result: sender.Result{Outcome: sender.Failed}, meaning: "an exception at the provider, it does not say which; it is tried again"}, true
	case "131":
		return code{result: sender.Result{Outcome: sender.Throttled, RetryAfter: dailyWait}, meaning: "the day's sending limit is used up; it is tried again every 15 minutes"}, true
	case "132":
		return denied("the month's sending limit is used up; have the provider raise it, or wait for the next month, then resume")
	case "133":
		return code{result: sender.Result{Outcome: sender.Throttled}, meaning: "a sending limit is exceeded; the pace goes down by itself, consider lower limits for the sender"}, true
	case "134":
		return rejected(oneNumber, true, "held back to prevent complaints; if it is everyone's, the content of the variables is wrong")
	case "135":
		return denied("the number of variables does not fit the content; compare the campaign with the template and correct it with `producer amend`, then resume")
	}
	return code{}, false
}

func lookupScope(c sender.Code) scope {
	row, _ := lookup(c)
	return row.scope
}

// classify is what the failure c with its message means for each of n recipients.
func (r *reader) classify(c sender.Code, message string, n int) sender.Result {
	row, _ := lookup(c)
	result := row.result
	result.Code = c
	switch row.scope {
	case content:
		if r.template && n > 1 {
			return sender.Result{Outcome: sender.Denied, Code: c}
		}
	case numbers:
		if n > 1 {
			return sender.Result{Outcome: sender.Denied, Code: c}
		}
	case oneNumber:
		if n > 1 {
			return r.partial(c)
		}
	case everyone:
	}
	if result.Outcome != sender.Failed {
		return result
	}
	if m, found := metaResult(message); found {
		switch {
		case n > 1 && m.Repeats && m.Code != metaValue:
			// Of values that several share: no one row's.
			return sender.Result{Outcome: sender.Denied, Code: m.Code}
		case n > 1 && (m.Outcome == sender.Rejected || m.Pair):
			return r.partial(m.Code)
		}
		return m
	}
	if sender.SpeaksOfLimit(message) {
		return sender.Result{Outcome: sender.Throttled, Code: c}
	}
	return result
}

// partial is what a refusal of one among several numbers means for each of them.
func (r *reader) partial(c sender.Code) sender.Result {
	if r.split {
		return sender.Result{Outcome: sender.Failed, Code: c}
	}
	return sender.Result{Outcome: sender.Unknown, Code: c}
}

// metaResult finds a code of Meta's platform in a message, in Meta's own form,
// "(#131026) Message undeliverable". The provider documents such codes in
// receipts alone, so only those in Meta's table count.
func metaResult(message string) (sender.Result, bool) {
	_, after, _ := strings.Cut(message, "(#")
	digits, _, closed := strings.Cut(after, ")")
	n, err := strconv.Atoi(digits)
	if !closed || err != nil || n < 0 {
		return sender.Result{}, false
	}
	return sender.MetaResult(n)
}

// Meaning explains a code with what a person can do about it, or returns "".
func (p *Provider) Meaning(c sender.Code) string { return c.Meaning(meaning) }

// meaning explains the provider's own codes.
func meaning(c sender.Code) string {
	switch {
	case c == codeNoMessageID:
		return "the provider says that it took the message and names no message_id; ask the provider, then `producer resolve`"
	case c == codeErrorPhone:
		return "the provider took the request and lists this number among the wrong ones"
	case isZeros(c):
		return "another product of the provider says success with this code; ask whether it does here, and add it to success_codes in the senders file"
	}
	row, _ := lookup(c)
	return row.meaning
}
