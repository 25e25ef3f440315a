package api

import (
	"io"
	"net/http"
	"time"
)

// patient gives a body time as long as it moves on: at least 64 KiB in 30 s.
type patient struct {
	readCloser
	control *http.ResponseController
	left    int
	over    bool // it was read to its end, or failed
}

type readCloser = interface {
	Read(p []byte) (int, error)
	Close() error
}

// leave ends a body that nobody has read to its end: the server looks for what is left
// of it once the answer is written, and does not do so for ever.
func (p *patient) leave() {
	if !p.over && p.readCloser != http.NoBody {
		_ = p.control.SetReadDeadline(time.Now().Add(leaveWithin)) // the next request has its own time
	}
}

// leaveWithin is how long what is left of a body that was refused may take.
const leaveWithin = 3 * time.Second

// patientBytes are how many bytes must come in stallAfter.
const patientBytes = 64 << 10

// Read reads on, within its time.
func (p *patient) Read(b []byte) (int, error) {
	if p.left <= 0 {
		p.left = patientBytes
		_ = p.control.SetReadDeadline(time.Now().Add(stallAfter)) // a recorder in a test has none
	}
	n, err := p.readCloser.Read(b)
	p.left -= n
	if err != nil { // else the time of the body would end the answer, too
		p.over = true
		_ = p.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// patientWriter gives each write its time: who does not read is let go.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
}

// Write writes within its time.
func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(stallAfter)) // a recorder in a test has none
	return p.w.Write(b)
}
