package progress

import "io"

// A Colour paints texts for a person, or leaves them as they are. Each painted text
// is longer by the same number of bytes, so that columns stay columns.
type Colour struct{ on bool }

// ColourOf paints where w is a terminal that knows colours, unless NO_COLOR is set
// (https://no-color.org).
func ColourOf(w io.Writer, getenv func(string) string) Colour {
	return Colour{on: IsTerminal(w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// Good is for what went well.
func (c Colour) Good(text string) string { return c.paint("32", text) }

// Warn is for what waits, or for a person to look at.
func (c Colour) Warn(text string) string { return c.paint("33", text) }

// Bad is for what went wrong.
func (c Colour) Bad(text string) string { return c.paint("31", text) }

// Plain is for what stands in one column with painted texts.
func (c Colour) Plain(text string) string { return c.paint("39", text) }

// State is a campaign's state.
func (c Colour) State(state string) string {
	switch state {
	case "running", "finished":
		return c.Good(state)
	case "halted":
		return c.Bad(state)
	case "paused", "importing":
		return c.Warn(state)
	}
	return c.Plain(state)
}

func (c Colour) paint(code, text string) string {
	if !c.on {
		return text
	}
	return "\033[" + code + "m" + text + "\033[0m"
}
