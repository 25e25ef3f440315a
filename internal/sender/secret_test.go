package sender_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"

	"sluice/internal/sender"
)

func TestSecretShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	const marker = "s3cr3t-marker"
	s := struct {
		Name   string
		Secret sender.Secret
	}{"a", marker}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s"} {
		fmt.Fprintf(&shown, verb+"\n", s)
		fmt.Fprintf(&shown, verb+"\n", s.Secret)
		fmt.Fprintf(&shown, verb+"\n", &s)
		fmt.Fprintf(&shown, verb+"\n", map[sender.Secret]sender.Secret{s.Secret: s.Secret})
	}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(j)
	shown.Write(y)
	log := zerolog.New(&shown)
	log.Info().Interface("sender", s).Stringer("secret", s.Secret).Any("any", s.Secret).Msg("")
	fmt.Fprintln(&shown, fmt.Errorf("with %w and %v", fmt.Errorf("%s", s.Secret), s))
	hexed := fmt.Sprintf("%x", marker)
	if text := shown.String(); strings.Contains(text, marker) || strings.Contains(text, hexed) || strings.Contains(text, marker[:3]) {
		t.Errorf("shown: %s", text)
	}
}
