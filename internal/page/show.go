package page

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"

	"sluice/internal/token"
)

// A sheet is a page to be shown: its template, and what stands in it.
type sheet struct {
	Name    string // of the template
	Title   string
	Section string // of the navigation
	Here    string // the page in it
	Live    bool   // its figures go on changing
	Status  int    // 200 if 0
	Wide    bool
	Data    any
}

// A frame is a sheet with what stands around it.
type frame struct {
	sheet
	Lang   string
	Langs  []*language
	Token  *token.Token
	Path   string // to come back to
	Said   string // what was just done
	Query  url.Values
	IsLive bool
	Queue  bool

	once string // the token of its forms, once it is asked for
}

// May says whether who looks has a scope.
func (f *frame) May(scope string) bool { return f.Token != nil && f.Token.May(scope) }

// All says whether who looks sees every sender.
func (f *frame) All() bool { return f.Token != nil && len(f.Token.Senders) == 0 }

func (s *Server) frame(c *call, sh sheet) *frame {
	f := &frame{
		sheet: sh, Lang: c.words.Tag, Langs: s.languages, Token: c.token, Path: c.r.URL.RequestURI(), Query: c.r.URL.Query(), IsLive: sh.Live,
		Queue: s.Queue != nil,
	}
	if c.r.Method != http.MethodGet {
		f.Path = "/"
	}
	if what := c.r.URL.Query().Get("said"); what != "" && c.words.has("said."+what) {
		f.Said = what
	}
	return f
}

// show answers with a sheet.
func (s *Server) show(c *call, sh sheet) error {
	var out bytes.Buffer
	if err := c.words.pages[sh.Name].ExecuteTemplate(&out, "layout", s.frame(c, sh)); err != nil {
		return fmt.Errorf("showing %s: %w", sh.Name, err)
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.Header().Set("Vary", "Accept, Accept-Language, Cookie")
	if sh.Status != 0 {
		c.w.WriteHeader(sh.Status)
	}
	_, _ = c.w.Write(out.Bytes()) // the browser may be gone
	return nil
}
