package sender

import (
	"context"
	"encoding/json"
)

// A TemplateLister is a provider that can be asked which templates its account
// has.
type TemplateLister interface {
	// Templates are those of a name, in all their languages, or all of them if
	// the name is "".
	Templates(ctx context.Context, name string) ([]ListedTemplate, error)
}

// A ListedTemplate is one template of an account in one language, in words.
type ListedTemplate struct {
	Name, Language, Status, Category, Quality string
	Parts                                     string          // what it is made of
	JSON                                      json.RawMessage // as the provider tells it
}

// A Preflighter is a provider that can hold a message against what its account
// has, before it is sent.
type Preflighter interface {
	// Preflight asks the provider. A message that does not fit is an
	// *UnfitError, which names each thing with what to change; any other error
	// means that the provider could not be asked. A warning is no reason not to
	// send. Asked is false where there is nothing to ask about such a message.
	Preflight(ctx context.Context, m Message) (warnings []string, asked bool, err error)
}

// An Addressed is a provider that can say which addresses it asks.
type Addressed interface {
	// Addresses are where requests go, as the settings have it.
	Addresses() []string
}
