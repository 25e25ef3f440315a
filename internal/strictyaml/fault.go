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

	field string // it is about, or the closest above that is there
	// covers are the fields that could not be read for it: what else is said of them,
	// such as that they are missing, says nothing new. The field "" is the whole.
	covers []string
}

// Error is where it is, and what.
func (f *Fault) Error() string {
	if f.Column == 0 {
		return fmt.Sprintf("%s:%d: %s", f.Name, f.Line, f.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.Name, f.Line, f.Column, f.Text)
}

// explains says that a fault is the cause of another.
func (f *Fault) explains(other *Fault) bool {
	return f != other && f.Name == other.Name && slices.ContainsFunc(f.covers, func(field string) bool {
		return other.field == field && other.covers == nil || other.field != field && within(other.field, field)
	})
}

// within says that a field is another one or in it.
func within(field, group string) bool {
	rest, is := strings.CutPrefix(field, group)
	return is && (rest == "" || group == "" || rest[0] == '.' || rest[0] == '[')
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

// Join is the faults of several errors as one error, in the order of each file and
// each once, but for those that another one explains; nil if there are none. Of
// several files the first one's come first. An error that is none of a file's stands
// by itself, before all others.
func Join(errs ...error) error {
	all, other := flatten(errs)
	if other != nil {
		return other
	}
	all = slices.DeleteFunc(slices.Clone(all), func(f *Fault) bool {
		return slices.ContainsFunc(all, func(cause *Fault) bool { return cause.explains(f) })
	})
	if len(all) == 0 {
		return nil
	}
	files := map[string]int{}
	for _, f := range all {
		if _, seen := files[f.Name]; !seen {
			files[f.Name] = len(files)
		}
	}
	slices.SortStableFunc(all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(files[a.Name], files[b.Name]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	all = slices.CompactFunc(all, func(a, b *Fault) bool { return a.Error() == b.Error() })
	if len(all) == 1 {
		return all[0]
	}
	return all[:min(len(all), maxFaults)]
}

// flatten takes the faults out of errors, and the first that is none.
func flatten(errs []error) (all Faults, other error) {
	for _, err := range errs {
		var several Faults
		var one *Fault
		joined, isJoined := err.(interface{ Unwrap() []error })
		switch {
		case err == nil:
		case isJoined:
			var found Faults
			if found, err = flatten(joined.Unwrap()); err != nil {
				return nil, err
			}
			all = append(all, found...)
		case errors.As(err, &several):
			all = append(all, several...)
		case errors.As(err, &one):
			all = append(all, one)
		default:
			return nil, err
		}
	}
	return all, nil
}

// About says whether there is a fault in an error at a field, in it or above it.
func About(err error, field string) bool {
	all, _ := flatten([]error{err})
	return slices.ContainsFunc(all, func(f *Fault) bool {
		return within(f.field, field) || slices.ContainsFunc(f.covers, func(covered string) bool { return within(field, covered) })
	})
}
