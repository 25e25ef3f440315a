package api

import "net/http"

// counting knows the status that was written.
type counting struct {
	http.ResponseWriter
	written int
}

// WriteHeader notes the status.
func (w *counting) WriteHeader(status int) {
	if w.written == 0 {
		w.written = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes a status that nobody wrote.
func (w *counting) Write(b []byte) (int, error) {
	if w.written == 0 {
		w.written = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *counting) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (c *call) status() int {
	if w, ok := c.w.(*counting); ok {
		return w.written
	}
	return 0
}

// begun says that an answer has begun, so that no problem can be told any more.
func (c *call) begun() bool { return c.status() != 0 }
