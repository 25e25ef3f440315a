package page

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	streamType = "text/event-stream"
	// lookEvery is how often live figures are looked at.
	lookEvery = time.Second
	// aliveEvery is how often a stream without news says that it is there.
	aliveEvery = 15 * time.Second
	// enterEvery is how often it is looked at whether the session is still there.
	enterEvery = time.Minute
	// stuckAfter is how long a browser may take to take some bytes.
	stuckAfter = 30 * time.Second
)

// live is a page whose figures go on changing: a browser that asks its path for a stream
// gets each new state of them whole, so that whatever it missed is made up for by what
// comes next.
func (s *Server) live(look func(*call) (sheet, error)) func(*call) error {
	return func(c *call) error {
		sh, err := look(c)
		if err != nil {
			return err
		}
		sh.Live = true
		if c.r.Header.Get("Accept") == streamType {
			return s.stream(c, sh, look)
		}
		return s.show(c, sh)
	}
}

// stream tells the figures until the browser is gone.
func (s *Server) stream(c *call, sh sheet, look func(*call) (sheet, error)) error {
	c.w.Header().Set("Content-Type", streamType)
	c.w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(c.w)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	before, told, entered := "", s.Now(), s.Now()
	for {
		var out bytes.Buffer
		if err := c.words.pages[sh.Name].ExecuteTemplate(&out, "live", s.frame(c, sh)); err != nil {
			return fmt.Errorf("showing %s: %w", sh.Name, err)
		}
		text := ""
		switch now := out.String(); {
		case now != before:
			text, before = "data: "+strings.ReplaceAll(now, "\n", "\ndata: ")+"\n\n", now
		case s.Now().Sub(told) >= aliveEvery:
			text = ": still here\n\n"
		}
		if text != "" {
			told = s.Now()
			_ = control.SetWriteDeadline(time.Now().Add(stuckAfter)) // a recorder in a test has none
			if _, err := c.w.Write([]byte(text)); err != nil {
				return nil
			}
			if err := control.Flush(); err != nil {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return nil
		case <-s.closed:
			return nil
		}
		if s.Now().Sub(entered) >= enterEvery {
			entered, c.token = s.Now(), nil
			if s.enter(c) != nil || c.token == nil {
				return nil
			}
		}
		next, err := look(c)
		if err != nil {
			return nil // the browser asks again, and is told then
		}
		sh = next
		sh.Live = true
	}
}
