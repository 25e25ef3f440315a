package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"
)

// loadPages reads the templates in the words of a language. Each page's file stands in
// the layout by itself.
func loadPages(l *language, assets map[string]asset) (map[string]*template.Template, error) {
	files, err := fs.Glob(htmlFiles, "html/*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	// What begins with an underscore is what pages have in common.
	common := template.New("").Funcs(l.functions(assets))
	if common, err = common.ParseFS(htmlFiles, "html/_*.html"); err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, f := range files {
		name := strings.TrimSuffix(path.Base(f), ".html")
		if strings.HasPrefix(name, "_") {
			continue
		}
		t, err := common.Clone()
		if err != nil {
			return nil, fmt.Errorf("reading the templates: %w", err)
		}
		if pages[name], err = t.ParseFS(htmlFiles, f); err != nil {
			return nil, fmt.Errorf("reading the templates: %w", err)
		}
	}
	return pages, nil
}

// functions are what templates write with.
func (l *language) functions(assets map[string]asset) template.FuncMap {
	return template.FuncMap{
		"t":     l.say,
		"has":   l.has,
		"n":     l.value,
		"share": l.share,
		"took":  l.took,
		"rate":  l.rate,
		"at":    at,
		"lines": func(text string) []string { return strings.Split(text, "\n") },
		"join":  func(all []string) string { return strings.Join(all, ", ") },
		"dict":  dict,
		"inc":   func(n int) int { return n + 1 },
		"dec":   func(n int) int { return n - 1 },
		"slotKind": func(key, kind string) string {
			if kind == "text" && key == "header" {
				return "header"
			}
			return kind
		},
		"list": func(all ...string) []string { return all },
		"exportOf": func(may bool, id string) string {
			if !may {
				return ""
			}
			return "/campaigns/" + id + "/export?code="
		},
		"asset": func(name string) string { return "/assets/" + name + "?v=" + assets[name].version },
	}
}

// dict is a map of names and values by turns, for a template that takes several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values are no pairs", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// share is a part of a whole in percent. What is not quite all is never 100.
func (l *language) share(part, whole int) string {
	if whole <= 0 || part <= 0 {
		return l.print.Sprintf("%d", 0) + " %"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part >= whole:
		return "100 %"
	case p < 0.1:
		return l.print.Sprintf("< %.1f", 0.1) + " %"
	case p > 99.9:
		return l.print.Sprintf("%.1f", 99.9) + " %"
	}
	return l.print.Sprintf("%.1f", p) + " %"
}

// took is a span of seconds in its two largest units.
func (l *language) took(seconds int) string {
	switch d, h, m := seconds/86400, seconds/3600%24, seconds/60%60; {
	case d > 0:
		return l.say("span.days", d, h)
	case h > 0:
		return l.say("span.hours", h, m)
	case m > 0:
		return l.say("span.minutes", m, seconds%60)
	}
	return l.say("span.seconds", seconds)
}

// rate is messages a second.
func (l *language) rate(perSecond float64) string {
	if perSecond >= 10 || perSecond == float64(int(perSecond)) {
		return l.print.Sprintf("%d", int(perSecond+0.5))
	}
	return l.print.Sprintf("%.1f", perSecond)
}

// at is a time, which a script writes in the browser's own zone.
func at(t any) template.HTML {
	var when time.Time
	switch v := t.(type) {
	case time.Time:
		when = v
	case *time.Time:
		if v != nil {
			when = *v
		}
	case string: // as exports have it; what is none shows as none
		when, _ = time.Parse(time.RFC3339, v)
	}
	if when.IsZero() {
		return "–"
	}
	when = when.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, when.Format(time.RFC3339), when.Format("2006-01-02 15:04 UTC"))) //nolint:gosec // two times, in forms of ours
}
