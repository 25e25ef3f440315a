package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// A front stands before the sandbox and speaks TLS, with a certificate that
// expired yesterday or with one that holds.
type front struct {
	url        string
	handshakes atomic.Int64
	// expired says of each handshake, counted from 1, which certificate it gets.
	expired atomic.Pointer[func(handshake int64) bool]
}

// newFront starts a front and has senders and programs use and trust it. Each
// submission makes its own connection.
func (w *world) newFront(expired func(int64) bool) *front {
	w.t.Helper()
	f := &front{}
	f.expired.Store(&expired)
	l := w.listen("127.0.0.1:0")
	f.url = "https://" + l.Addr().String()
	good, stale := certificate(w.t, 24*time.Hour), certificate(w.t, -24*time.Hour)
	srv := w.proxy()
	srv.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLSConfig = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if (*f.expired.Load())(f.handshakes.Add(1)) {
			return &stale, nil
		}
		return &good, nil
	}}
	go srv.ServeTLS(l, "", "")
	var roots []byte
	for _, c := range []tls.Certificate{good, stale} {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	}
	w.env = append(w.env, "SSL_CERT_FILE="+w.file("roots.pem", string(roots)))
	w.sendersWith(w.sandbox, f.url)
	return f
}

// proxy is a server, not started yet, that hands on to the sandbox and keeps no
// connection for a second request.
func (w *world) proxy() *http.Server {
	w.t.Helper()
	to, err := url.Parse(w.sandbox)
	if err != nil {
		w.t.Fatal(err)
	}
	srv := &http.Server{Handler: httputil.NewSingleHostReverseProxy(to), ReadHeaderTimeout: time.Minute}
	srv.SetKeepAlivesEnabled(false)
	w.t.Cleanup(func() { srv.Close() })
	return srv
}

func (w *world) listen(addr string) net.Listener {
	w.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// certificate is one for 127.0.0.1 that signs itself and is good for so long
// from now.
func certificate(t testing.TB, good time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(good),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
