package sender

import "regexp"

// messageID is a member of an answer that names a message, in the providers'
// spellings and Meta's, and with a value that can be an id: not empty, null, 0
// or false.
var messageID = regexp.MustCompile(`(?i)(?:"(?:message|msg)[_-]?ids?"|"messages"\s*:\s*\[\s*\{[^{}]*"id")\s*:\s*[\[{\s]*(?:"\s*[^"\s]|[1-9])`)

// NamesMessage says that an answer names a message, wherever and in whatever
// form, whole or broken off: then the provider may have taken it, whatever its
// code and status say. It is asked where these say that nothing was taken.
func NamesMessage(body []byte) bool { return messageID.Match(body) }

// WithID is what a result that is no success means when its answer names a
// message all the same: the recipient is in doubt, for what has an id may be on
// its way. No provider documents such an answer, so ten in a row halt.
func (r Result) WithID() Result {
	if r.Outcome == Unknown {
		return r
	}
	return Result{Outcome: Unknown, Code: r.Code.withID(), Unlisted: true}
}
