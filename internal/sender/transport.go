package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// ResultByStatus is what the HTTP status alone means, for a body without a
// usable code. A 4xx says that the request was not taken, and which of its
// kinds it is decides what follows; of the 5xx only 503 says as much.
//
//	2xx                             Unknown    bad_answer: taken, perhaps, by whom?
//	3xx                             Denied     the URL in the settings is not the API's
//	401 402 403 407 451             Denied     account, credentials, payment, permission
//	404 405 406 410 411 415 426     Denied     the URL or the form of the request is wrong
//	408                             Unknown    it may have been read in part
//	429                             Throttled  for as long as Retry-After says
//	other 4xx                       Failed     as an unlisted code: ten in a row halt
//	503                             Failed     or Throttled, with a Retry-After
//	other 5xx                       Unknown    it broke while it worked, or behind a gateway
//	anything else                   Unknown    bad_answer
func (a Answer) ResultByStatus() Result {
	code := HTTPCode(a.Status)
	switch a.Status {
	case 401, 402, 403, 407, 451, 404, 405, 406, 410, 411, 415, 426:
		return Result{Outcome: Denied, Code: code}
	case 408:
		return Result{Outcome: Unknown, Code: code}
	case 429:
		return Result{Outcome: Throttled, Code: code, RetryAfter: a.RetryAfter}
	case 503:
		if a.RetryAfter > 0 {
			return Result{Outcome: Throttled, Code: code, RetryAfter: a.RetryAfter}
		}
		return Result{Outcome: Failed, Code: code}
	}
	switch a.Status / 100 {
	case 3:
		return Result{Outcome: Denied, Code: code}
	case 4:
		return Result{Outcome: Failed, Code: code, Unlisted: true}
	case 5:
		return Result{Outcome: Unknown, Code: code}
	}
	return Result{Outcome: Unknown, Code: CodeBadAnswer}
}

// notWritten is the code for a request of which nothing was written.
func notWritten(err error) Code {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return CodeDNS
	case isTLS(err):
		return CodeTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return CodeRefused
	}
	return CodeConnect
}

// notAnswered is the code for a request that was written, at least in part,
// and has no answer.
func notAnswered(err error) Code {
	var op *net.OpError
	switch {
	case isTimeout(err):
		return CodeTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op),
		strings.Contains(err.Error(), "server closed idle connection"): // has no name in net/http
		return CodeReset
	}
	return CodeBadAnswer
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		invalid     x509.CertificateInvalidError
	)
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		strings.Contains(err.Error(), "TLS handshake") || strings.Contains(err.Error(), "tls: ")
}

// inDoubt is what a person can do where nobody knows what became of a message.
const inDoubt = "the message may have been sent; ask the provider, then `producer resolve`"

// transportMeaning explains a code that Post or ResultByStatus gave, with what
// a person can do about it, or returns "".
func transportMeaning(code Code) string {
	switch code {
	case CodeRefused:
		return "nothing listens at the provider's address; check base_url, or wait for the provider"
	case CodeDNS:
		return "the provider's host name has no address; check base_url and this machine's DNS"
	case CodeTLS:
		return "no secure connection; check base_url, the provider's certificate and this machine's clock and root certificates"
	case CodeConnect:
		return "no connection to the provider, or not in time; check base_url, firewall and proxy"
	case CodeBadURL:
		return "base_url is not an http or https URL; correct it in the senders file"
	case CodeTimeout:
		return "no answer within the sender's timeout; " + inDoubt
	case CodeReset:
		return "the connection broke after the request was written; " + inDoubt
	case CodeBadAnswer:
		return "the answer could not be read; " + inDoubt
	}
	n, found := code.Status()
	if !found || n < 300 || n > 599 {
		return ""
	}
	what := "the provider answered HTTP " + strconv.Itoa(n) + " without a code of its own; "
	switch (Answer{Status: n}).ResultByStatus().Outcome {
	case Denied:
		switch {
		case n/100 == 3:
			return what + "base_url points elsewhere, correct it in the senders file"
		case n == 401, n == 402, n == 403, n == 407, n == 451:
			return what + "check the account, its credentials, its IP whitelist and a proxy in between"
		}
		return what + "base_url is not the address of this API, correct it in the senders file"
	case Throttled:
		return what + "it wants fewer messages, the pace goes down by itself"
	case Failed:
		return what + "it was not taken and is tried again"
	case Unknown, Accepted, Rejected:
	}
	return what + inDoubt
}
