package sender_test

import (
	"testing"

	"sluice/internal/sender"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[sender.Code]struct {
		class        sender.Class
		neverWritten bool
		outage       bool
	}{
		"":                             {sender.ClassNone, false, false},
		"22091":                        {sender.ClassProvider, false, false},
		"-1":                           {sender.ClassProvider, false, false},
		"no_message_id":                {sender.ClassProvider, false, false},
		"meta_131026":                  {sender.ClassMeta, false, false},
		"meta_x":                       {sender.ClassProvider, false, false},
		sender.MetaCode(0):             {sender.ClassMeta, false, false},
		sender.HTTPCode(503):           {sender.ClassHTTP, false, true},
		sender.HTTPCode(429):           {sender.ClassHTTP, false, false},
		"http_5":                       {sender.ClassHTTP, false, false},
		sender.CodeRefused:             {sender.ClassTransport, true, true},
		sender.CodeDNS:                 {sender.ClassTransport, true, true},
		sender.CodeTLS:                 {sender.ClassTransport, true, true},
		sender.CodeConnect:             {sender.ClassTransport, true, true},
		sender.CodeBadURL:              {sender.ClassTransport, false, false},
		sender.CodeTimeout:             {sender.ClassTransport, false, true},
		sender.CodeReset:               {sender.ClassTransport, false, true},
		sender.CodeBadAnswer:           {sender.ClassTransport, false, true},
		"http_503_with_id":             {sender.ClassHTTP, false, false},
		"22041_with_id":                {sender.ClassProvider, false, false},
		sender.Code("-1").Exhausted():  {sender.ClassProvider, false, false},
		sender.CodeTimeout.Exhausted(): {sender.ClassTransport, false, false},
	} {
		if code.Class() != want.class || code.NeverWritten() != want.neverWritten || code.Outage() != want.outage {
			t.Errorf("%q: %s, never written %t, outage %t", code, code.Class(), code.NeverWritten(), code.Outage())
		}
	}
	if last, found := sender.Code("22041").Exhausted().Last(); !found || last != "22041" {
		t.Errorf("the last of the exhausted: %q, %t", last, found)
	}
	if _, found := sender.Code("22041").Last(); found {
		t.Error("exhausted, and is not")
	}
	own := func(c sender.Code) string {
		if c == "7" {
			return "seven"
		}
		return ""
	}
	for code, want := range map[sender.Code]string{
		"7": "seven", "exhausted/7": "all attempts failed; the last: seven", "8": "", "": "", "_with_id": "",
		"7_with_id": "the provider answered 7, which is a failure, and named a message_id all the same; the message may have been sent; ask the provider, then `producer resolve`",
	} {
		if got := code.Meaning(own); got != want {
			t.Errorf("%q means %q", code, got)
		}
	}
	for _, code := range []sender.Code{"meta_131026", "refused", "http_503", "exhausted/http_503"} {
		if code.Meaning(own) == "" {
			t.Errorf("%s has no meaning", code)
		}
	}
}
