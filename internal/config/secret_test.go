package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
)

func TestSecretShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	s := Sender{Name: "a", AccessSecret: marker, Authorization: marker}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s"} {
		fmt.Fprintf(&shown, verb+"\n", s)
		fmt.Fprintf(&shown, verb+"\n", s.AccessSecret)
		fmt.Fprintf(&shown, verb+"\n", &s)
		fmt.Fprintf(&shown, verb+"\n", map[Secret]Secret{s.AccessSecret: s.Authorization})
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
	log.Info().Interface("sender", s).Stringer("secret", s.AccessSecret).Any("any", s.AccessSecret).Msg("")
	fmt.Fprintln(&shown, fmt.Errorf("with %w and %v", fmt.Errorf("%s", s.AccessSecret), s))

	hexed := fmt.Sprintf("%x", marker)
	if text := shown.String(); strings.Contains(text, marker) || strings.Contains(text, hexed) || strings.Contains(text, marker[:3]) {
		t.Errorf("shown: %s", text)
	}
	if s.AccessSecret.Reveal() != marker {
		t.Error("Reveal does not")
	}
}
