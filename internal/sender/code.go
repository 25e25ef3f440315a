package sender

import (
	"strconv"
	"strings"
)

// A Code says why a submission ended as it did: a provider's own ("22091"), one
// of Meta's platform that the provider passes on, one of the transport, or one
// that says more of another. The set is bounded. "" is none, as with Accepted.
type Code string

// The codes of the transport: no answer that could be read.
const (
	CodeRefused   Code = "refused"    // nothing listens at the address
	CodeDNS       Code = "dns"        // the host's name has no address
	CodeTLS       Code = "tls"        // no secure connection
	CodeConnect   Code = "connect"    // no connection
	CodeBadURL    Code = "bad_url"    // the address is none
	CodeTimeout   Code = "timeout"    // written, and no answer in time
	CodeReset     Code = "reset"      // written, and the connection broke
	CodeBadAnswer Code = "bad_answer" // an answer that cannot be read
)

const (
	httpPrefix      = "http_"
	metaPrefix      = "meta_"
	exhaustedPrefix = "exhausted/"
	withIDSuffix    = "_with_id"
)

// HTTPCode is the code where the status alone tells what an answer means.
func HTTPCode(status int) Code { return Code(httpPrefix + strconv.Itoa(status)) }

// MetaCode is a code of Meta's platform.
func MetaCode(n int) Code { return Code(metaPrefix + strconv.Itoa(n)) }

// Exhausted is the code of a recipient whose attempts are used up, the last of
// which ended with c.
func (c Code) Exhausted() Code { return exhaustedPrefix + c }

// Last is the code of the last attempt, where a recipient's are used up.
func (c Code) Last() (Code, bool) {
	last, found := strings.CutPrefix(string(c), exhaustedPrefix)
	return Code(last), found
}

// withID is the code of an answer with c that names a message all the same.
func (c Code) withID() Code { return c + withIDSuffix }

// answered is the code that an answer had which named a message all the same.
func (c Code) answered() (Code, bool) {
	answered, found := strings.CutSuffix(string(c), withIDSuffix)
	return Code(answered), found && answered != ""
}

// Status is the HTTP status of a code that HTTPCode gave.
func (c Code) Status() (int, bool) { return c.number(httpPrefix) }

// Meta is the number of a code that MetaCode gave.
func (c Code) Meta() (int, bool) { return c.number(metaPrefix) }

func (c Code) number(prefix string) (int, bool) {
	digits, found := strings.CutPrefix(string(c), prefix)
	n, err := strconv.Atoi(digits)
	return n, found && err == nil && n >= 0
}

// Class is where a code comes from.
func (c Code) Class() Class {
	if last, found := c.Last(); found {
		return last.Class()
	}
	if answered, found := c.answered(); found {
		return answered.Class()
	}
	if _, found := c.Meta(); found {
		return ClassMeta
	}
	if _, found := c.Status(); found {
		return ClassHTTP
	}
	switch c {
	case "":
		return ClassNone
	case CodeRefused, CodeDNS, CodeTLS, CodeConnect, CodeBadURL, CodeTimeout, CodeReset, CodeBadAnswer:
		return ClassTransport
	}
	return ClassProvider
}

// NeverWritten says that nothing of the submission left this machine.
func (c Code) NeverWritten() bool {
	switch c {
	case CodeRefused, CodeDNS, CodeTLS, CodeConnect:
		return true
	}
	return false
}

// Outage says that a code is a sign of the provider being away: nothing of its
// own came back, or an HTTP 5xx.
func (c Code) Outage() bool {
	switch c {
	case CodeTimeout, CodeReset, CodeBadAnswer:
		return true
	}
	status, _ := c.Status()
	return c.NeverWritten() || status/100 == 5
}

// A Class is where codes come from. There are five, where codes are many.
type Class uint8

// The classes.
const (
	ClassNone      Class = iota // no code
	ClassProvider               // the provider's own
	ClassMeta                   // the platform's, inside the provider's answer
	ClassHTTP                   // an HTTP status
	ClassTransport              // no answer that could be read
)

// Classes are all of them.
var Classes = [...]Class{ClassNone, ClassProvider, ClassMeta, ClassHTTP, ClassTransport}

// String is the word that metrics use.
func (c Class) String() string {
	switch c {
	case ClassNone:
		return "none"
	case ClassProvider:
		return "provider"
	case ClassMeta:
		return "meta"
	case ClassHTTP:
		return "http"
	case ClassTransport:
		return "transport"
	}
	return "invalid"
}

// Meaning explains a code that is no provider's own, with what a person can do
// about it, or returns "". Own explains the provider's, as sender.Provider's
// Meaning does; it is asked first.
func (c Code) Meaning(own func(Code) string) string {
	if last, found := c.Last(); found {
		return "all attempts failed; the last: " + last.Meaning(own)
	}
	if m := own(c); m != "" {
		return m
	}
	if answered, found := c.answered(); found {
		return "the provider answered " + string(answered) + ", which is a failure, and named a message_id all the same; " + inDoubt
	}
	if m := metaMeaning(c); m != "" {
		return m
	}
	return transportMeaning(c)
}

// SpeaksOfLimit says that a provider's message speaks of too many messages, in its own
// words: for what no code of its documents says.
func SpeaksOfLimit(message string) bool {
	message = strings.ToLower(message)
	for _, words := range [...]string{"rate limit", "limit reached", "limit exceeded", "too many requests", "频率", "限流"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
