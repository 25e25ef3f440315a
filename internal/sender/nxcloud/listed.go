package nxcloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/internal/sender"
)

// listed is the template in words.
func (t *Template) listed() (sender.ListedTemplate, error) {
	var asTold bytes.Buffer
	if err := json.Compact(&asTold, t.told); err != nil { // to one line
		return sender.ListedTemplate{}, fmt.Errorf("template %q: %w", t.Name, err)
	}
	status := t.Status
	if status == "REJECTED" && t.RejectedReason != "" {
		status += " (" + t.RejectedReason + ")"
	}
	return sender.ListedTemplate{
		Name: t.Name, Language: t.Language, Status: status, Category: t.Category, Quality: t.QualityScore.Score,
		Parts: parts(t), JSON: asTold.Bytes(),
	}, nil
}

// parts says in a few words what a template is made of.
func parts(t *Template) string {
	var words []string
	for _, c := range t.Components {
		word := strings.ToLower(c.Type)
		if c.Format != "" {
			word += " " + strings.ToLower(c.Format)
		}
		if n := strings.Count(c.Text, "{{"); n > 0 {
			word += fmt.Sprintf(" with %d variables", n)
		}
		for _, b := range c.Buttons {
			word += " " + strings.ToLower(b.Type)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
