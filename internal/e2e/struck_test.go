package e2e

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// A struckAPI is two processes that serve the API of a world, of which one after the
// other is killed and started anew.
type struckAPI struct {
	w       *world
	token   string
	args    []string
	done    chan struct{}
	killing sync.WaitGroup
	kills   int // to be read once they have ended

	mu   sync.Mutex
	live [2]*process
	urls [2]string
}

// strike starts both, and kills the next one each time that pause, of how many there
// were, is over.
func (w *world) strike(token string, pause func(kills int) time.Duration, args ...string) *struckAPI {
	w.t.Helper()
	s := &struckAPI{w: w, token: token, args: args, done: make(chan struct{})}
	s.launch(0)
	s.launch(1)
	s.killing.Go(func() {
		for ; ; s.kills++ {
			select {
			case <-s.done:
				return
			case <-time.After(pause(s.kills)):
			}
			s.live[s.kills%2].kill()
			s.launch(s.kills % 2)
		}
	})
	return s
}

func (s *struckAPI) launch(i int) {
	p := s.w.start("producer", append([]string{"serve", "--addr", "127.0.0.1:0", "--log-format", "json"}, s.args...)...)
	url := served.FindString(p.awaitLine(served))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[i], s.urls[i] = p, url
}

// calm ends the killing.
func (s *struckAPI) calm() {
	close(s.done)
	s.killing.Wait()
}

// either is a caller of one of the two, which may be dead.
func (s *struckAPI) either() *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &caller{w: s.w, url: s.urls[rand.IntN(2)], token: s.token}
}

// insist asks either of the two until it is answered with success, and returns the
// answer; nil where there was none, or another, and the test has failed.
func (s *struckAPI) insist(method, path string, body []byte, header ...string) []byte {
	s.w.t.Helper()
	deadline := time.After(3 * time.Minute)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		status, answer, err := s.either().ask(method, path, body, header...)
		switch {
		case err != nil: // it is being started anew
		case status < 300:
			return append([]byte{}, answer...)
		case status != 503 && status != 400 && status != 429 && !strings.Contains(string(answer), "idempotency-in-progress"):
			s.w.t.Errorf("%s %s: %d %s", method, path, status, answer)
			return nil
		}
		select {
		case <-again.C:
		case <-deadline:
			s.w.t.Errorf("%s %s: no answer", method, path)
			return nil
		}
	}
}
