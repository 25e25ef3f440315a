package sender

import (
	"regexp"
	"strings"
)

// withID is the end of a code that came together with a message_id.
const withID = "_with_id"

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
	return Result{Outcome: Unknown, Code: r.Code + withID, Unlisted: true}
}

// WithIDMeaning explains a code that WithID gave, where meaning explains the
// code of the answer itself; or it returns "".
func WithIDMeaning(code string) string {
	answered, found := strings.CutSuffix(code, withID)
	if !found || answered == "" {
		return ""
	}
	return "the provider answered " + answered + ", which is a failure, and named a message_id all the same; " + inDoubt
}
