package sandbox

import (
	"maps"
	"net"
	"net/http"
	"strconv"
)

// write answers, or does what the fault does instead.
func (r *reply) write(w http.ResponseWriter, req *http.Request) {
	switch r.then {
	case Unanswered:
		<-req.Context().Done()
	case CutAfter, CutBefore:
		closeAbruptly(w, false)
	case Reset:
		closeAbruptly(w, true)
	case Half:
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
		w.WriteHeader(r.status)
		w.Write(r.body[:len(r.body)/2])
		flush(w)
		closeAbruptly(w, false)
	case HalfChunk:
		w.WriteHeader(r.status)
		w.Write(r.body[:len(r.body)/2])
		flush(w)
		closeAbruptly(w, false)
	case Huge:
		w.WriteHeader(r.status)
		block := make([]byte, 1<<20)
		for range 1024 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	case Answer:
		maps.Copy(w.Header(), r.header)
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.WriteHeader(r.status)
		w.Write(r.body)
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// closeAbruptly closes the connection without an answer, with a TCP reset if
// asked for.
func closeAbruptly(w http.ResponseWriter, reset bool) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // without it the close is an orderly one
	}
	conn.Close()
}
