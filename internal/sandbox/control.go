package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// control adds the paths by which tests and people steer the sandbox itself:
//
//	GET  /_sandbox/report
//	GET  /_sandbox/log                       NDJSON
//	POST /_sandbox/faults                    a script of faults that replaces the old one
//	POST /_sandbox/callbacks                 where callbacks go and how badly, as JSON (Callbacks)
//	GET  /_sandbox/told                      NDJSON: the statuses that were answered 200
//	POST /_sandbox/balance?left=N            messages that the nxcloud account can pay; -1: no end
//	POST /_sandbox/template?name=&status=    for every language of the name
//	POST /_sandbox/reset                     forget what arrived
//	GET  /healthz
func (s *Sandbox) control() {
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	s.mux.HandleFunc("GET /_sandbox/report", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(s.Report()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	s.mux.HandleFunc("GET /_sandbox/log", func(w http.ResponseWriter, _ *http.Request) {
		e := json.NewEncoder(w)
		for _, entry := range s.Entries() {
			if e.Encode(entry) != nil {
				return
			}
		}
	})
	s.mux.HandleFunc("POST /_sandbox/faults", s.setFaults)
	s.mux.HandleFunc("POST /_sandbox/callbacks", s.serveCallbacks)
	s.mux.HandleFunc("GET /_sandbox/told", s.serveTold)
	s.mux.HandleFunc("POST /_sandbox/balance", func(w http.ResponseWriter, r *http.Request) {
		left, err := strconv.Atoi(r.URL.Query().Get("left"))
		if err != nil {
			http.Error(w, "left: a number", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.balance = left
		s.mu.Unlock()
	})
	s.mux.HandleFunc("POST /_sandbox/template", s.setTemplate)
	s.mux.HandleFunc("POST /_sandbox/reset", func(http.ResponseWriter, *http.Request) {
		s.mu.Lock()
		s.book.reset()
		s.mu.Unlock()
		s.counted.Store(0)
	})
}

func (s *Sandbox) setFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	var faults []Fault
	if len(body) > 0 {
		if faults, err = ParseFaults(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.mu.Lock()
	s.faults, s.fired = faults, make([]int, len(faults))
	s.mu.Unlock()
}

func (s *Sandbox) setTemplate(w http.ResponseWriter, r *http.Request) {
	name, status := r.URL.Query().Get("name"), r.URL.Query().Get("status")
	found := false
	s.mu.Lock()
	for i := range s.templates {
		if s.templates[i].Name == name {
			s.templates[i].Status, found = status, true
		}
	}
	s.mu.Unlock()
	if !found {
		http.Error(w, "there is no such template", http.StatusNotFound)
	}
}
