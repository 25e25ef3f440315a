// Package progress shows a person how far something is: one line on a terminal,
// drawn over itself, and elsewhere nothing but what keeps it from going on.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

const (
	// barWidth is how many signs a bar has.
	barWidth = 24
	// tellEvery is how often at most a line goes out where there is no terminal.
	tellEvery = 30 * time.Second
	// window is the time over which a pace is measured.
	window = 5 * time.Second
)

// A Look is how far something is at a moment.
type Look struct {
	What string  // that is done, such as importing
	Part float64 // of it that is done, 0 to 1; below 0: not known
	Rows int     // that are done
	Of   int     // rows; 0: not known
	// Tally are the outcomes, where there are any.
	Tally *Tally
	Note  string // what keeps it from going on; empty if nothing does
}

// A Tally is the outcomes among rows.
type Tally struct {
	Accepted, Rejected, InDoubt int
}

// A Line shows one look after another.
type Line struct {
	w      io.Writer
	colour Colour
	live   bool // w is a terminal
	drawn  bool
	meter  Meter
	told   string // the last note, where there is no terminal
	toldAt time.Time
}

// New makes a Line on w. Getenv is asked for NO_COLOR.
func New(w io.Writer, getenv func(string) string) *Line {
	return &Line{w: w, colour: ColourOf(w, getenv), live: IsTerminal(w)}
}

// Show shows a look. What goes wrong on the way to a terminal is nobody's matter.
func (l *Line) Show(now time.Time, k Look) {
	rate := l.meter.Add(now, k.Rows)
	if l.live {
		text := fit(k, rate, Columns(l.w)-1)
		if k.Note != "" {
			text = l.colour.Warn(text)
		}
		fmt.Fprintf(l.w, "\r\033[K%s", text)
		l.drawn = true
		return
	}
	if k.Note == "" || k.Note == l.told || now.Sub(l.toldAt) < tellEvery && l.told != "" {
		return
	}
	l.told, l.toldAt = k.Note, now
	fmt.Fprintln(l.w, Text(k, rate))
}

// Done ends the line, so that what follows stands below it.
func (l *Line) Done() {
	if l.drawn {
		fmt.Fprintln(l.w)
		l.drawn = false
	}
}

// Text is a look as one line, at a pace of so many rows a second.
func Text(k Look, rate float64) string {
	var b strings.Builder
	b.WriteString(k.What)
	if k.Part >= 0 {
		fmt.Fprintf(&b, "  %s %3.0f %%", Bar(k.Part), 100*k.Part)
	}
	fmt.Fprintf(&b, "  %d", k.Rows)
	if k.Of > 0 {
		fmt.Fprintf(&b, " of %d", k.Of)
	}
	b.WriteString(" rows")
	if t := k.Tally; t != nil {
		fmt.Fprintf(&b, ", %d accepted, %d rejected, %d in doubt", t.Accepted, t.Rejected, t.InDoubt)
	}
	fmt.Fprintf(&b, ", %.0f a second", rate)
	if k.Note != "" {
		b.WriteString("; " + k.Note)
	}
	return b.String()
}

// Bar is a bar of which this part is full.
func Bar(part float64) string {
	full := int(barWidth * min(max(part, 0), 1))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

// A Meter measures a pace over the last seconds.
type Meter struct {
	seen []sample
}

type sample struct {
	at   time.Time
	rows int
}

// Add notes how many rows are done, and returns how many a second that was of late.
func (m *Meter) Add(now time.Time, rows int) float64 {
	m.seen = append(m.seen, sample{now, rows})
	for len(m.seen) > 2 && now.Sub(m.seen[1].at) >= window {
		m.seen = m.seen[1:]
	}
	first := m.seen[0]
	if took := now.Sub(first.at).Seconds(); took > 0 {
		return max(0, float64(rows-first.rows)/took)
	}
	return 0
}

// fit is a look of at most so many letters: what is left out first is the bar, and what
// keeps it from going on stands before what must be cut. 0: as many as it has.
func fit(k Look, rate float64, most int) string {
	text := Text(k, rate)
	if most <= 0 || len([]rune(text)) <= most {
		return text
	}
	if k.Part >= 0 {
		text = strings.Replace(text, Bar(k.Part)+" ", "", 1)
	}
	if len([]rune(text)) > most && k.Note != "" {
		rest := strings.TrimSuffix(strings.TrimPrefix(text, k.What), "; "+k.Note)
		text = k.What + ": " + k.Note + "; " + strings.TrimSpace(rest)
	}
	return cut(text, most)
}

// Wrap is a text in lines of at most so many letters, broken between words where that
// can be; 0: one line.
func Wrap(text string, most int) []string {
	var lines []string
	letters := []rune(text)
	for most > 0 && len(letters) > most {
		end := most
		for end > most/2 && letters[end] != ' ' {
			end--
		}
		if letters[end] != ' ' {
			end = most
		}
		lines = append(lines, string(letters[:end]))
		letters = []rune(strings.TrimLeft(string(letters[end:]), " "))
	}
	return append(lines, string(letters))
}

// cut is a text of at most so many letters, so that a terminal does not break it.
func cut(text string, most int) string {
	if letters := []rune(text); most > 0 && len(letters) > most {
		return string(letters[:most])
	}
	return text
}

// Columns is how wide a terminal is; 0 where it does not say, or w is none.
func Columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// IsTerminal says whether a person looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
