package config

import (
	"strings"

	"github.com/alecthomas/kong"
)

// FlagHelp is a flag's help with its default and its environment variable behind
// it, for kong.ValueFormatter.
func FlagHelp(v *kong.Value) string {
	var more []string
	if v.HasDefault && v.Default != "" && !v.IsBool() {
		more = append(more, "default "+v.Default)
	}
	if v.Tag != nil && len(v.Tag.Envs) > 0 {
		more = append(more, "$"+strings.Join(v.Tag.Envs, ", $"))
	}
	if len(more) == 0 {
		return v.Help
	}
	return v.Help + " (" + strings.Join(more, "; ") + ")"
}
