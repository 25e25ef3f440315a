package config

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// ErrRedis says that Redis cannot be worked with.
var ErrRedis = errors.New("redis cannot be worked with")

// A redisError is ErrRedis, and what it was.
type redisError struct {
	text string
	err  error
}

func (e *redisError) Error() string        { return e.text }
func (e *redisError) Unwrap() error        { return e.err }
func (e *redisError) Is(target error) bool { return target == ErrRedis }

// RedisAway says what to do about the error of a first question to Redis. Where no
// answer came in time it looks once more for why, which takes a few seconds at
// most. An error that it has no remedy for is said as it is. Each is ErrRedis, and
// none holds user or password.
func RedisAway(err error, address string) error {
	if err == nil {
		return nil
	}
	at := HostsOf(address)
	if text := remedy(err, at); text != "" {
		return &redisError{text, err}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return &redisError{err.Error(), err}
	}
	seen := lookAt(address)
	if text := remedy(seen, at); text != "" {
		return &redisError{text, errors.Join(err, seen)}
	}
	return &redisError{fmt.Sprintf("no Redis answers at %s: is it running, and is --redis-url right? %v", at, err), err}
}

// HostsOf is an address of Redis without scheme, user, password and settings.
func HostsOf(address string) string {
	hosts := address[strings.Index(address, "://")+len("://"):]
	hosts = hosts[strings.LastIndexByte(hosts, '@')+1:]
	hosts, _, _ = strings.Cut(hosts, "?")
	return hosts
}

// remedy is what to do about an error of Redis, or "" for one that is not known.
func remedy(err error, at string) string {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var expired x509.CertificateInvalidError
	switch {
	case err == nil:
	case errors.Is(err, errWantsTLS):
		return "the Redis at " + at + " speaks TLS: write rediss:// in --redis-url"
	case errors.Is(err, errNoTLS), errors.As(err, &record):
		return "the Redis at " + at + " does not speak TLS on this port: write redis:// in --redis-url, or name its TLS port"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &expired):
		return fmt.Sprintf("the certificate of the Redis at %s is not trusted here: %v; name the host as the certificate does, and have its authority among the system's (SSL_CERT_FILE names a file of them)", at, err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q for the Redis at %s: is the name in --redis-url right, and known to this machine's DNS?", dns.Name, at)
	case strings.Contains(err.Error(), "NOAUTH"):
		return "the Redis at " + at + " wants a password: write it into --redis-url, as redis://user:password@host:6379/0 (:password@ where there is no user), best by SLUICE_REDIS_URL"
	case strings.Contains(err.Error(), "WRONGPASS"):
		return "the Redis at " + at + " refuses this user and password: compare --redis-url with its requirepass or its ACL (an @, a / or a : in a password is written as %40, %2F, %3A)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + at + ": is Redis running, and is --redis-url right?"
	}
	return ""
}

// lookWithin is how long a look at Redis takes at most.
const lookWithin = 2 * time.Second

// What a look at who was spoken to in the wrong way tells.
var (
	errWantsTLS = errors.New("it speaks TLS")
	errNoTLS    = errors.New("it does not speak TLS")
)

// lookAt asks Redis once, and returns why there is no answer.
func lookAt(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	rdb, err := OpenRedis(address, Retries(0), PoolSize(1))
	if err != nil {
		return err
	}
	defer rdb.Close()
	if err = rdb.Ping(ctx).Err(); err == nil || remedy(err, "") != "" {
		return err
	}
	// It was there, and broke off or waited: perhaps for the other way to speak.
	scheme, _, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(HostsOf(address), ",")
	host, _, _ = strings.Cut(host, "/")
	probe, cancelProbe := context.WithTimeout(context.Background(), lookWithin)
	defer cancelProbe()
	switch {
	case scheme == "unix":
	case strings.HasPrefix(scheme, "rediss"):
		if speaksPlainly(probe, host) {
			return errNoTLS
		}
	case speaksTLS(probe, host):
		return errWantsTLS
	}
	return err
}

// speaksPlainly says whether a question is answered as Redis answers.
func speaksPlainly(ctx context.Context, host string) bool {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return false
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	answer := make([]byte, 1)
	if err := c.SetDeadline(deadline); err != nil {
		return false
	}
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return false
	}
	_, err = io.ReadFull(c, answer)
	return err == nil && (answer[0] == '+' || answer[0] == '-')
}

// speaksTLS says whether a handshake is answered, whoever it is that answers.
func speaksTLS(ctx context.Context, host string) bool {
	answered := false
	d := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The certificate says that it is TLS, and that is all that is asked: nothing
		// goes over this connection.
		VerifyConnection:   func(tls.ConnectionState) error { answered = true; return nil },
		InsecureSkipVerify: true, //nolint:gosec // see above
	}}
	c, err := d.DialContext(ctx, "tcp", host)
	if err == nil {
		c.Close()
	}
	return answered || err == nil
}
