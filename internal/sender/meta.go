package sender

import "time"

// A metaCode is one row of Meta's table of error codes.
type metaCode struct {
	result  Result // without Code
	meaning string // what it is, and what a person can do
}

// MetaResult is what a code of Meta's platform, that a provider passes on,
// means for the recipient; its Code is "meta_" and the number. It returns false
// for a code that is in no table, with the Result of an unlisted code.
func MetaResult(code int) (Result, bool) {
	row, found := metaRow(code)
	row.result.Code = MetaCode(code)
	return row.result, found
}

func metaMeaning(code Code) string {
	n, found := code.Meta()
	if !found {
		return ""
	}
	row, _ := metaRow(n)
	return row.meaning
}

// metaRow is the table: the codes of Meta's Cloud API, as documented in
// September 2026. Most of them come late, with a receipt; some inside the
// answer to a submission.
func metaRow(code int) (metaCode, bool) {
	if code >= 200 && code <= 299 {
		code = 200 // one range of missing permissions
	}
	for _, part := range [...]func(int) (metaCode, bool){metaPassing, metaOfPerson, metaOfRow, metaOfAccount, metaOfMessage} {
		if row, found := part(code); found {
			return row, true
		}
	}
	return metaCode{Result{Outcome: Failed, Unlisted: true}, "a code of Meta's that is in no table; look it up in Meta's list of error codes"}, false
}

// metaPassing are the codes of what passes by itself, or with a lower pace.
func metaPassing(code int) (metaCode, bool) {
	switch code {
	case 1, 2, 131000, 131016, 133004:
		return metaCode{Result{Outcome: Failed}, "Meta has trouble of its own; it is tried again"}, true
	case 131057, 2494100:
		return metaCode{
			Result{Outcome: Throttled, RetryAfter: time.Minute},
			"the sending number is under maintenance at Meta, usually for a minute; sending goes on by itself",
		}, true
	case 134101:
		// Not Failed: the attempts would be used up before the ten minutes are.
		return metaCode{
			Result{Outcome: Throttled, RetryAfter: 10 * time.Minute},
			"the template is still being synchronised at Meta, up to ten minutes; it is tried again",
		}, true
	case 4, 80007, 130429:
		return metaCode{Result{Outcome: Throttled}, "Meta's rate limit for the application, account or number; the pace goes down by itself, consider lower limits for the sender"}, true
	case 131056:
		return metaCode{Result{Outcome: Throttled, Pair: true}, "too many messages to this one person in a short time; it is tried again later"}, true
	}
	return metaCode{}, false
}

// metaOfPerson are those of one person, whatever they were to get.
func metaOfPerson(code int) (metaCode, bool) {
	switch code {
	case 131026:
		return metaCode{Result{Outcome: Rejected}, "undeliverable: not on WhatsApp, an old app, or the terms not accepted"}, true
	case 131049:
		return metaCode{Result{Outcome: Rejected}, "Meta holds back marketing for this person; another campaign may try no sooner than in 24 hours"}, true
	case 130472:
		return metaCode{Result{Outcome: Rejected}, "this person is part of an experiment of Meta's and gets no marketing"}, true
	case 131050:
		return metaCode{Result{Outcome: Rejected, OptOut: true}, "this person wants no more marketing from this business; the number is to be suppressed"}, true
	case 130403:
		return metaCode{Result{Outcome: Rejected}, "the business has blocked this person; unblock them to reach them"}, true
	case 131021:
		return metaCode{Result{Outcome: Rejected}, "the recipient is the sender itself"}, true
	case 131047, 470:
		return metaCode{Result{Outcome: Rejected}, "more than 24 hours since this person wrote; only a template reaches them"}, true
	case 130497:
		return metaCode{Result{Outcome: Rejected}, "the business may not message this country"}, true
	}
	return metaCode{}, false
}

// metaOfRow are those of a value which may be one row's alone.
func metaOfRow(code int) (metaCode, bool) {
	switch code {
	case 131009:
		return metaCode{Result{Outcome: Rejected, Repeats: true}, "a parameter has a value that Meta refuses; check the number and the variables"}, true
	case 132000, 132005, 132012, 132018:
		return metaCode{Result{Outcome: Rejected, Repeats: true}, "the variables do not fit the template in number, length or form; compare the row, and the campaign, with the template"}, true
	case 100, 131008:
		return metaCode{Result{Outcome: Rejected, Repeats: true}, "a parameter is missing or wrong, which may be this row's value alone; compare the row, and the campaign, with the template"}, true
	}
	return metaCode{}, false
}

// metaOfAccount are those of the account and its number, which meet everybody.
func metaOfAccount(code int) (metaCode, bool) {
	switch code {
	case 131048:
		return metaCode{Result{Outcome: Denied}, "Meta restricts the sending number because people report it as spam; look at its quality in WhatsApp Manager before going on"}, true
	case 131064:
		return metaCode{Result{Outcome: Denied}, "Meta limits the account for templates in the wrong category; correct their categories, then resume"}, true
	case 0, 3, 10, 190, 200, 131005:
		return metaCode{Result{Outcome: Denied}, "Meta refuses the account's access or permission; have the provider check its token, then resume"}, true
	case 368, 131031:
		return metaCode{Result{Outcome: Denied}, "Meta has restricted or locked the account; see the account's quality page, then resume"}, true
	case 131042:
		return metaCode{Result{Outcome: Denied}, "a problem with the payment at Meta; settle it, then resume"}, true
	case 33, 131037, 131045, 133010:
		return metaCode{Result{Outcome: Denied}, "the sending number is deleted, not registered, or its name is not approved; correct it, then resume"}, true
	case 134011:
		return metaCode{Result{Outcome: Denied}, "the terms of WhatsApp Payments are not accepted; accept them, then resume"}, true
	}
	return metaCode{}, false
}

// metaOfMessage are those of the message and its template, which meet everybody.
func metaOfMessage(code int) (metaCode, bool) {
	switch code {
	case 131055, 131063, 134100, 134102:
		return metaCode{Result{Outcome: Denied}, "marketing cannot be sent this way (Cloud API, or Marketing Messages API); use the other one, or another template with `producer amend`"}, true
	case 131051, 135000:
		return metaCode{Result{Outcome: Denied}, "a parameter is missing or wrong, or the type of message is not supported; compare the campaign with the template and correct it with `producer amend`"}, true
	case 132001:
		return metaCode{Result{Outcome: Denied}, "the template does not exist in this language, or is not approved; correct name or language with `producer amend`, then resume"}, true
	case 132007:
		return metaCode{Result{Outcome: Denied}, "the template's content is against Meta's policy; use another with `producer amend`"}, true
	case 132015:
		return metaCode{Result{Outcome: Denied}, "the template is paused for low quality; wait, improve it, or use another with `producer amend`, then resume"}, true
	case 132016:
		return metaCode{Result{Outcome: Denied}, "the template is disabled for low quality; use another with `producer amend`"}, true
	case 132068, 132069:
		return metaCode{Result{Outcome: Denied}, "the template's flow is blocked or throttled; look at the flow, or use another template with `producer amend`, then resume"}, true
	case 131053, 131014:
		return metaCode{Result{Outcome: Denied}, "Meta could not fetch the media; check the link, its type and size, correct it there or with `producer amend`, then resume"}, true
	}
	return metaCode{}, false
}
