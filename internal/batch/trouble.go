package batch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNotText says that a file is not text in its encoding, or that too many of its
// rows are not.
var ErrNotText = errors.New("the file is not text in its encoding")

const (
	// fewRows is how many rows may be no text where nothing speaks for the
	// encoding; of a short file a third of its lines.
	fewRows = 10
	// mostRows is how many may be in any file.
	mostRows = 1000
	// namedLines is how many lines an error names.
	namedLines = 5
)

// A tally counts the lines of a file by how they read in its encoding.
type tally struct {
	lines  int
	good   int // of text beyond ASCII
	bad    int // that are no text of it
	first  []int
	sample []byte // the first that is bad
}

// note notes that the line of this number is bad.
func (t *tally) note(line int) {
	if t.bad++; len(t.first) < namedLines {
		t.first = append(t.first, line)
	}
}

// few says that so few lines are bad that they cost themselves alone: not more
// than there are good ones, or than can be the fault of whoever typed them.
func (t *tally) few() bool {
	return t.bad <= min(max(t.good, min(fewRows, t.lines/3), t.lines/100), mostRows)
}

// where names the bad lines.
func (t *tally) where() string {
	numbers := make([]string, len(t.first))
	for i, n := range t.first {
		numbers[i] = strconv.Itoa(n)
	}
	what := "line "
	if t.bad > 1 {
		what = "lines "
	}
	what += strings.Join(numbers, ", ")
	if more := t.bad - len(t.first); more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return what
}

// mostJudged is how many rows beyond ASCII are judged by their scripts.
const mostJudged = 1000

// A scriptTally counts the rows of a text that was decoded, by whether scripts stand
// side by side in a word that do not belong together.
type scriptTally struct {
	judged, wrong int
}

func (s *scriptTally) look(cells [][]byte) {
	if s.judged == mostJudged {
		return
	}
	r := ascii
	for _, cell := range cells {
		if beyondASCII(cell) > 0 {
			r = max(r, judge(string(cell)))
		}
	}
	if r != ascii {
		s.judged++
	}
	if r == garbled {
		s.wrong++
	}
}

// refuse refuses a text of which more rows are wrong than right.
func (s *scriptTally) refuse(encoding string) error {
	if s.wrong*2 <= s.judged {
		return nil
	}
	return refuse("read as %s, %d of %d rows beyond ASCII mix scripts that do not belong together; see to recipients.encoding, or save the file as UTF-8", encoding, s.wrong, s.judged)
}
