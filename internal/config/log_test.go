package config

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestNewLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(&out, "warn", "json")
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("not this")
	log.Warn().Str("campaign", "c1").Msg("this")
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line["level"] != "warn" || line["message"] != "this" || line["campaign"] != "c1" || line["time"] == "" {
		t.Errorf("line %v", line)
	}

	out.Reset()
	if log, err = NewLogger(&out, "debug", "console"); err != nil {
		t.Fatal(err)
	}
	log.Debug().Msg("for people")
	if text := out.String(); !strings.Contains(text, "DBG for people") || strings.Contains(text, "\x1b") {
		t.Errorf("line %q", text)
	}
}

func TestNewLoggerRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ level, format, want string }{
		{"loud", "json", "--log-level"},
		{"", "json", "--log-level"},
		{"info", "text", "--log-format"},
		{"info", "", "--log-format"},
	} {
		if _, err := NewLogger(&bytes.Buffer{}, tt.level, tt.format); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %q: %v; want an error about %s", tt.level, tt.format, err, tt.want)
		}
	}
}
