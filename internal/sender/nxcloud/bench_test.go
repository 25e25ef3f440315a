package nxcloud

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/sender"
)

// echo is a server as cheap as one can be: it takes any request to its end and
// answers with a success.
func echo(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	body := accepted("Zx3mPq8LrT5vNc1KdW7yBf2HsJ9")
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if !bytes.HasPrefix(line, []byte("Content-Length: ")) {
						continue
					}
					n := 0
					for _, d := range bytes.TrimSpace(line[16:]) {
						n = n*10 + int(d-'0')
					}
					for len(bytes.TrimSpace(line)) > 0 {
						if line, err = r.ReadSlice('\n'); err != nil {
							return
						}
					}
					if _, err := r.Discard(n); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// BenchmarkSubmit is one submission after the other, to compare with
// BenchmarkNetHTTP, which posts the same bytes with net/http and nothing else.
func BenchmarkSubmit(b *testing.B) {
	o := options()
	o.BaseURL = echo(b)
	p := newProvider(b, o)
	s, err := p.Compile(template(sender.Template{Body: []string{"{{a}}"}}), columns("a"))
	if err != nil {
		b.Fatal(err)
	}
	rs := []batch.Recipient{{Phone: "8613800000001", Vars: []string{"张三"}}}
	out := make([]sender.Result, 1)
	b.ReportAllocs()
	for b.Loop() {
		s.Submit(context.Background(), sender.Ref{Try: 1}, rs, out)
		if out[0].Outcome != sender.Accepted {
			b.Fatal(out[0])
		}
	}
}

func BenchmarkNetHTTP(b *testing.B) {
	url := echo(b) + "/saas/wa/send"
	client := &http.Client{Transport: &http.Transport{}, Timeout: 15e9}
	b.Cleanup(client.CloseIdleConnections)
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(noteBody)))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}
