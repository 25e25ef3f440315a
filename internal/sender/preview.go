package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"sluice/internal/batch"
)

// Masked stands in a Request for what is nobody's to see.
const Masked = "***"

// A Request is what a submission of one recipient asks of a provider.
type Request struct {
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
}

// A Previewer is a Submitter that shows the request of a submission and makes
// none.
type Previewer interface {
	// Preview is the request of r's submission: its body is byte for byte what
	// Submit sends, but for the account's keys, which are Masked.
	Preview(ref Ref, r *batch.Recipient) Request
}

// A TemplateTeller is a provider that can be asked how a template reads.
type TemplateTeller interface {
	// TemplateText is the text of the template that m names, as a person sees it,
	// with the values of m, which has no placeholders any more, in the places of
	// its variables. Asked is false where there is nothing to ask about such a
	// message.
	TemplateText(ctx context.Context, m Message) (text string, asked bool, err error)
}

// A Field is one text of a message, by its place in the campaign file.
type Field struct {
	Path, Text string
}

// Fields are the texts of a message that are not empty, in the order of the file.
func (m Message) Fields() []Field {
	var all []Field
	// It never fails, for the function does not.
	_ = eachString(reflect.ValueOf(m), "message", func(path, s string) error {
		if s != "" {
			all = append(all, Field{Path: path, Text: s})
		}
		return nil
	})
	return all
}

// Rendered is the message as the values vars of columns make it.
func (m Message) Rendered(columns []batch.Column, vars []string) (Message, error) {
	var out Message
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return out, fmt.Errorf("rendering the message: %w", err)
	}
	err = eachValue(reflect.ValueOf(&out), "message", func(path string, v reflect.Value) error {
		t, err := CompileText(v.String(), columns)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		v.SetString(t.Render(vars))
		return nil
	})
	return out, err
}
