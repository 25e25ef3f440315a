package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	tags "golang.org/x/text/language"
	"golang.org/x/text/message"
)

// A language is a catalogue, and the templates in its words.
type language struct {
	Tag   string // such as zh-CN
	Name  string // in its own words
	texts map[string]string
	codes map[string]string // what they mean; nil: as the desk has it
	print *message.Printer
	pages map[string]*template.Template
}

// first is the language of whoever asks for none that there is.
const first = "en"

// loadLanguages reads every catalogue that there is, the first one first.
func loadLanguages(assets map[string]asset) ([]*language, error) {
	files, err := wordFiles.ReadDir("words")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogues: %w", err)
	}
	var all []*language
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		data, err := wordFiles.ReadFile("words/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the catalogues: %w", err)
		}
		l := &language{Tag: strings.TrimSuffix(f.Name(), path.Ext(f.Name()))}
		if err := json.Unmarshal(data, &l.texts); err != nil {
			return nil, fmt.Errorf("reading the catalogue %s: %w", f.Name(), err)
		}
		tag, err := tags.Parse(l.Tag)
		if err != nil {
			return nil, fmt.Errorf("the catalogue %s: %w", f.Name(), err)
		}
		l.Name, l.print = l.texts["language"], message.NewPrinter(tag)
		if l.codes, err = loadCodes(l.Tag); err != nil {
			return nil, err
		}
		if l.pages, err = loadPages(l, assets); err != nil {
			return nil, err
		}
		if all = append(all, l); l.Tag == first {
			all[0], all[len(all)-1] = all[len(all)-1], all[0]
		}
	}
	return all, nil
}

// has says whether there are words for a key.
func (l *language) has(key string) bool { return l.texts[key] != "" }

// say is the text of a key, with values in the place of {0}, {1} and so on. Numbers are
// written as the language does. A key without words is itself.
func (l *language) say(key string, values ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return key
	}
	for i, v := range values {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", l.value(v))
	}
	return text
}

func (l *language) value(v any) string {
	switch n := v.(type) {
	case int, int64:
		return l.print.Sprintf("%d", n)
	case float64:
		return l.print.Sprintf("%v", n)
	}
	return fmt.Sprint(v)
}

const languageCookie = "sluice-language"

// languageOf is the one that was chosen, or that the browser asks for.
func (s *Server) languageOf(r *http.Request) *language {
	if chosen, err := r.Cookie(languageCookie); err == nil {
		if i := slices.IndexFunc(s.languages, func(l *language) bool { return l.Tag == chosen.Value }); i >= 0 {
			return s.languages[i]
		}
	}
	there := make([]tags.Tag, len(s.languages))
	for i, l := range s.languages {
		there[i] = tags.Make(l.Tag)
	}
	wanted, _, err := tags.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return s.languages[0]
	}
	_, i, _ := tags.NewMatcher(there).Match(wanted...)
	return s.languages[i]
}

// setLanguage keeps a choice.
func (s *Server) setLanguage(c *call) error {
	c.w.Header().Add("Set-Cookie", (&http.Cookie{ //nolint:gosec // secure wherever a browser would keep it so
		Name: languageCookie, Value: c.form("language"), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.secure(),
	}).String())
	return c.goTo(local(c.form("back")))
}
