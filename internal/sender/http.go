package sender

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer is the most that is read of an answer; the providers' answers
	// are a few hundred bytes, a page of templates some ten thousand.
	maxAnswer = 1 << 20
	// maxHeaders is the most that is read of an answer's head; gateways send a
	// few hundred bytes. Without it each submission could cost ten megabytes.
	maxHeaders = 64 << 10
	// firstRead is what is made ready for an answer whose length is told: more
	// than nearly all have, and what follows it must have come before it costs.
	firstRead = 4 << 10
	// maxRetryAfter bounds what a provider can ask for.
	maxRetryAfter = 24 * time.Hour
	// idleTimeout is shorter than the 60 or 75 seconds after which servers
	// and load balancers usually hang up: a submission that meets a hang-up
	// halfway is in doubt, and this end can avoid the meeting.
	idleTimeout = 30 * time.Second
	// writeBuffer is larger than all headers of a submission together: then
	// nothing is on the wire before all of them are in it, see attempt.
	writeBuffer = 8 << 10
)

// HTTPOptions say how to submit.
type HTTPOptions struct {
	// Timeout is for one POST as a whole: connect, write, read. 0 means 15s.
	Timeout time.Duration
	// InFlight is how many POSTs go at a time; as many connections are kept.
	// 0 means 64.
	InFlight int
}

// HTTP makes POSTs for the providers. It follows no redirect, retries nothing,
// and lets nothing but its timeout cut a POST off, for what is cut off is in
// doubt. It speaks HTTP/1.1 alone, where one connection carries one POST at a
// time, and net/http repeats a POST by itself only where the body can be
// had again; it cannot. It is safe for use by many goroutines.
type HTTP struct {
	transport *http.Transport
	timeout   time.Duration
	target    atomic.Pointer[target] // the last one used; nearly always the same
}

// A target is a URL, parsed.
type target struct {
	raw string
	url *url.URL
}

// An Answer is what came back.
type Answer struct {
	Status int
	// Body is whole, or nil where the status alone tells enough and the body
	// broke off or was longer than 1 MiB.
	Body []byte
	// RetryAfter is from the header of that name, which gives seconds or a
	// date; at most a day.
	RetryAfter time.Duration
}

// NewHTTP makes an HTTP. It opens no connection before the first Post.
func NewHTTP(o HTTPOptions) *HTTP {
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.InFlight <= 0 {
		o.InFlight = 64
	}
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &HTTP{
		timeout: o.Timeout,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: o.Timeout,
			DisableCompression:  true, // the bound then holds for what is read
			MaxIdleConns:        0,    // none but per host
			MaxIdleConnsPerHost: o.InFlight,
			MaxConnsPerHost:     o.InFlight,
			IdleConnTimeout:     idleTimeout,
			WriteBufferSize:     writeBuffer,
			Protocols:           protocols,

			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// Close closes the connections that are idle.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// Post makes one POST and reads at most 1 MiB of the answer. Where there is no
// answer to parse, the Result says what that means, and the Answer is empty:
// Failed when nothing of the request was written (refused, dns, tls, connect),
// Denied when the URL is none, else Unknown (timeout, reset, bad_answer).
// The body may be reused when Post has returned. The header is not changed,
// and its keys are sent in the spelling that they have.
func (h *HTTP) Post(rawURL string, header http.Header, body []byte) (Answer, *Result) {
	u, err := h.parse(rawURL)
	if err != nil {
		return Answer{}, &Result{Outcome: Denied, Code: CodeBadURL}
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	var a attempt
	response, err := h.transport.RoundTrip(a.request(ctx, u, header, body))
	if err != nil {
		if !a.began.Load() && fits(rawURL, header) {
			return Answer{}, &Result{Outcome: Failed, Code: notWritten(err)}
		}
		return Answer{}, &Result{Outcome: Unknown, Code: notAnswered(err)}
	}
	defer response.Body.Close()
	answer := Answer{Status: response.StatusCode, RetryAfter: retryAfter(response.Header)}
	if answer.Body, err = readAnswer(response); err != nil {
		if answer.Status/100 != 2 && !NamesMessage(answer.Body) {
			answer.Body = nil
			return answer, nil
		}
		if isTimeout(err) {
			return Answer{}, &Result{Outcome: Unknown, Code: CodeTimeout}
		}
		return Answer{}, &Result{Outcome: Unknown, Code: CodeBadAnswer}
	}
	return answer, nil
}

// parse is url.Parse for a host over http or https, remembering the last.
func (h *HTTP) parse(raw string) (*url.URL, error) {
	if t := h.target.Load(); t != nil && t.raw == raw {
		return t.url, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("no host, or neither http nor https")
	}
	h.target.Store(&target{raw: raw, url: u})
	return u, nil
}

// fits says that request line and headers are in the write buffer as a whole,
// with room for those that net/http adds.
func fits(rawURL string, header http.Header) bool {
	n := len(rawURL) + 2<<10
	for key, values := range header {
		for _, value := range values {
			n += len(key) + len(value) + len(": \r\n")
		}
	}
	return n < writeBuffer
}

// readAnswer reads the body; where it is too long or broke off, the error says
// so, and the body is what came of it.
func readAnswer(r *http.Response) ([]byte, error) {
	if r.ContentLength >= 0 && r.ContentLength <= firstRead {
		body := make([]byte, r.ContentLength)
		n, err := io.ReadFull(r.Body, body)
		return body[:n], err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	return body, err
}

// An attempt knows whether any of a request may have been written: net/http
// puts all the headers in its buffer, tells of it, and then fills and writes
// the buffer. As long as it has told nothing, not one byte has left.
type attempt struct {
	began atomic.Bool
	trace httptrace.ClientTrace
}

// request makes the request of an attempt. The body is a copy, for net/http may
// go on writing after an early answer; it is of a type that net/http knows to
// be in memory, or the headers would be written before it, by themselves; and
// it has no way back to its beginning, without which nothing is sent twice.
func (a *attempt) request(ctx context.Context, u *url.URL, header http.Header, body []byte) *http.Request {
	a.trace.WroteHeaders = func() { a.began.Store(true) }
	return (&http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(bytes.Clone(body))), ContentLength: int64(len(body)),
	}).WithContext(httptrace.WithClientTrace(ctx, &a.trace))
}

// retryAfter reads the header; a date counts from the answer's own Date, so
// that a clock which is off does no harm.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(v, 64); err == nil {
		if !(seconds > 0) { // NaN is not
			return 0
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = time.Now()
	}
	return max(0, min(at.Sub(from), maxRetryAfter))
}
