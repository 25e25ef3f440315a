package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with a file.
type Fault struct {
	Name         string // of the file
	Line, Column int    // from 1; column 0: not known
	Text         string
}

// Error is where it is, and what.
func (f *Fault) Error() string {
	if f.Column == 0 {
		return fmt.Sprintf("%s:%d: %s", f.Name, f.Line, f.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.Name, f.Line, f.Column, f.Text)
}

// Faults are all that is wrong with a file, in its order.
type Faults []*Fault

// Error has a line for each.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Join is the faults of several errors as one error, in the order of the file and
// each once; nil if there are none. An error that is none of a file's stands by
// itself, before all others.
func Join(errs ...error) error {
	var all Faults
	for _, err := range errs {
		var several Faults
		var one *Fault
		switch {
		case err == nil:
		case errors.As(err, &several):
			all = append(all, several...)
		case errors.As(err, &one):
			all = append(all, one)
		default:
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	all = slices.CompactFunc(all, func(a, b *Fault) bool { return *a == *b })
	if len(all) == 1 {
		return all[0]
	}
	return all
}
