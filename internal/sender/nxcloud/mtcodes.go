package nxcloud

import (
	"slices"
	"strconv"

	"sluice/internal/sender"
)

// lookupMT is the table of the plain product: the codes of its send page and of the
// page on calling the API, but for 0 and 9099.
func lookupMT(n int) code {
	switch n {
	case 9000:
		return denied("a parameter is missing or wrong; compare the campaign's message with the template, and correct it with `producer amend`")
	case 9001:
		return failed("the provider's system failed, it does not say why; it is tried again")
	case 9002:
		return denied("the application or the sending number does not exist; check appkey and business_phone in the senders file")
	case 9003:
		return denied("the application is not allowed to send this; ask the provider, then resume")
	case 9004:
		return rejected("the application has no price for this country; have the provider add it")
	case 9005:
		return denied("the account has no balance; top up, then resume")
	case 9006:
		return denied("the sending number is not available; ask the provider to bring it up, then resume")
	case 9007:
		return code{sender.Result{Outcome: sender.Unknown}, "the provider's way to WhatsApp failed, perhaps after the message had gone; a receipt or `producer resolve` settles it"}
	case 9099:
		return code{sender.Result{Outcome: sender.Rejected, Unlisted: true}, "WhatsApp refused the message; the answer gave no code of Meta's"}
	}
	if n == -1 || n >= 1000 && n <= 1099 {
		c, found := lookup(n)
		if !found {
			return denied("the provider did not authenticate the request; check access_key, access_secret and the account")
		}
		return c
	}
	return code{result: sender.Result{Outcome: sender.Failed, Unlisted: true}}
}

// classify is what an answer with a code, not 0, means for its recipient.
func (s *Plain) classify(e reply) sender.Result {
	if e.code == 9099 {
		if n, ok := number(e.meta); ok {
			result, _ := sender.MetaResult(n)
			return result
		}
	}
	c := lookupMT(e.code)
	result := c.result
	result.Code = sender.Code(strconv.Itoa(e.code))
	switch {
	case slices.Contains(s.Ambiguous, e.code):
		return sender.Result{Outcome: sender.Unknown, Code: result.Code}
	case result.Outcome == sender.Unknown:
		result.Outcome = sender.Failed // it is said not to be ambiguous
	}
	if result.Outcome == sender.Failed && sender.SpeaksOfLimit(e.message) {
		return sender.Result{Outcome: sender.Throttled, Code: result.Code}
	}
	return result
}

// meaningMT explains the plain product's own codes.
func meaningMT(c sender.Code) string {
	n, err := strconv.Atoi(string(c))
	if err != nil {
		return meaning(c)
	}
	row := lookupMT(n)
	return row.meaning
}
