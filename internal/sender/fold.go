package sender

import (
	"strings"

	"sluice/internal/batch"
)

// Fold folds the white space of a template's parameters, as the values of their
// placeholders are folded when a list is read: WhatsApp refuses a parameter with a
// line break, a tab or a long run of spaces, from whomever it comes. Other messages
// keep theirs.
func (m *Message) Fold() {
	t := m.Template
	if t == nil {
		return
	}
	var texts []*string
	if t.Header != nil {
		texts = append(texts, &t.Header.Text, &t.Header.Caption)
	}
	for i := range t.Body {
		texts = append(texts, &t.Body[i])
	}
	for i := range t.Buttons {
		texts = append(texts, &t.Buttons[i].URL, &t.Buttons[i].CopyCode)
	}
	for _, text := range texts {
		*text = strings.TrimRight(batch.Fold(*text), " ")
	}
}
