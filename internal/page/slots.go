package page

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A slot is one place of a template that each recipient has their own text in.
type slot struct {
	Key    string // header, body1, button0
	Kind   string // text, image, video, document, url, code: what it takes
	N      int    // of the body's variables, or the button's place
	Around string // the template's own text in which it stands
	Column string // whose value it has; "": Text is what everybody gets
	Text   string // the fallback, or the text
}

var (
	variable    = regexp.MustCompile(`\{\{(\w+)\}\}`)
	placeholder = regexp.MustCompile(`^\{\{([^{}|]+)(?:\|([^{}]*))?\}\}$`)
)

// A listed template, as the providers tell it: both pass Meta's form on.
type listedTemplate struct {
	Components []struct {
		Type    string `json:"type"`
		Format  string `json:"format"`
		Text    string `json:"text"`
		Buttons []struct {
			Type string `json:"type"`
			Text string `json:"text"`
			URL  string `json:"url"`
		} `json:"buttons"`
	} `json:"components"`
}

// slotsOf are the places of a template, and its body's own text.
func slotsOf(told json.RawMessage) (all []slot, body string) {
	var t listedTemplate
	if json.Unmarshal(told, &t) != nil {
		return nil, ""
	}
	for _, c := range t.Components {
		switch strings.ToUpper(c.Type) {
		case "HEADER":
			switch format := strings.ToUpper(c.Format); {
			case format == "IMAGE" || format == "VIDEO" || format == "DOCUMENT":
				all = append(all, slot{Key: "header", Kind: strings.ToLower(format)})
			case variable.MatchString(c.Text):
				all = append(all, slot{Key: "header", Kind: "text", Around: c.Text})
			}
		case "BODY":
			body = c.Text
			for n := range variablesIn(c.Text) {
				all = append(all, slot{Key: "body" + strconv.Itoa(n+1), Kind: "text", N: n + 1, Around: c.Text})
			}
		case "BUTTONS":
			for i, b := range c.Buttons {
				switch kind := strings.ToUpper(b.Type); {
				case kind == "URL" && variable.MatchString(b.URL):
					all = append(all, slot{Key: "button" + strconv.Itoa(i), Kind: "url", N: i, Around: b.URL})
				case kind == "COPY_CODE":
					all = append(all, slot{Key: "button" + strconv.Itoa(i), Kind: "code", N: i, Around: b.Text})
				}
			}
		}
	}
	return all, body
}

// variablesIn is how many variables a text has.
func variablesIn(text string) int {
	seen := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		seen[m[1]] = true
	}
	return len(seen)
}

// fill puts into slots what the draft's message has there.
func fill(all []slot, t *templateDraft) {
	for i := range all {
		s := &all[i]
		value := ""
		switch {
		case s.Key == "header":
			value = t.Header[s.Kind]
		case strings.HasPrefix(s.Key, "body") && s.N <= len(t.Body):
			value = t.Body[s.N-1]
		default:
			for _, b := range t.Buttons {
				if b.Index == s.N && strings.HasPrefix(s.Key, "button") {
					value = b.URL + b.CopyCode
				}
			}
		}
		if m := placeholder.FindStringSubmatch(value); m != nil {
			s.Column, s.Text = m[1], m[2]
		} else {
			s.Text = value
		}
	}
}

// value is what a slot has in the campaign file.
func (s *slot) value() string {
	switch {
	case s.Column == "":
		return s.Text
	case s.Text == "":
		return "{{" + s.Column + "}}"
	}
	return fmt.Sprintf("{{%s|%s}}", s.Column, s.Text)
}

// messageOf is a template's part of the campaign object, with what the slots have.
func messageOf(name, language, category string, all []slot) map[string]any {
	t := map[string]any{"name": name, "language": language}
	switch category = strings.ToLower(category); category {
	case "marketing", "utility", "authentication":
		t["category"] = category
	}
	var body []string
	var buttons []map[string]any
	for _, s := range all {
		switch {
		case s.Key == "header":
			t["header"] = map[string]any{s.Kind: s.value()}
		case s.Kind == "url":
			buttons = append(buttons, map[string]any{"index": s.N, "url": s.value()})
		case s.Kind == "code":
			buttons = append(buttons, map[string]any{"index": s.N, "copy_code": s.value()})
		default:
			body = append(body, s.value())
		}
	}
	if body != nil {
		t["body"] = body
	}
	if buttons != nil {
		t["buttons"] = buttons
	}
	return map[string]any{"type": "template", "template": t}
}
