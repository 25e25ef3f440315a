package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// An event is one line of `go test -json`, as `go doc test2json` says.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail, where Package is empty
	Test       string
	Output     string
	Elapsed    float64
}

// A key is one test, or a package's own output where the test is "".
type key struct{ pkg, test string }

// A sum counts tests and keeps what each has printed until it is known whether
// anybody needs to see it.
type sum struct {
	out                     io.Writer
	kept                    map[key]*bytes.Buffer
	inFailed                map[string]bool // packages of which a test has failed
	lines                   []string        // one a package, as go test prints them
	passed, failed, skipped int
	badPackages             int
}

func newSum(out io.Writer) *sum {
	return &sum{out: out, kept: map[key]*bytes.Buffer{}, inFailed: map[string]bool{}}
}

// line takes one line. What is no event, such as make's own words, goes through.
func (s *sum) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(s.out, "%s", line)
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		s.keep(k).WriteString(e.Output)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
			return
		}
		s.endTest(k, e.Action)
	}
}

func (s *sum) keep(k key) *bytes.Buffer {
	if s.kept[k] == nil {
		s.kept[k] = new(bytes.Buffer)
	}
	return s.kept[k]
}

// endTest counts a test. A test with subtests counts as one beside them, as
// gotestsum counts.
func (s *sum) endTest(k key, action string) {
	switch action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
	case "fail":
		s.failed++
		s.inFailed[k.pkg] = true
		fmt.Fprint(s.out, s.keep(k))
	}
	delete(s.kept, k)
}

// endPackage keeps the package's closing line. A package that failed without a
// failed test (it does not build, it panicked, its TestMain failed) counts as one
// failure, and shows all that it said.
func (s *sum) endPackage(e event) {
	said := s.keep(key{e.Package, ""}).String()
	line := fmt.Sprintf("%s\t%s\t%.3fs", e.Action, e.Package, e.Elapsed)
	for l := range strings.Lines(said) {
		if strings.HasPrefix(l, "ok  \t") || strings.HasPrefix(l, "FAIL\t") || strings.Contains(l, "[no test files]") {
			line = strings.TrimRight(l, "\n")
		}
	}
	if e.Action == "fail" {
		s.badPackages++
		s.unfinished(e.Package)
		fmt.Fprint(s.out, said)
		if !s.inFailed[e.Package] {
			s.failed++
		}
	} else {
		fmt.Fprintln(s.out, line)
	}
	for k := range s.kept {
		if k.pkg == e.Package {
			delete(s.kept, k)
		}
	}
	s.lines = append(s.lines, line)
}

// unfinished prints what the tests said that began and never ended: it is there
// that a panic or a deadlock shows.
func (s *sum) unfinished(pkg string) {
	var names []string
	for k := range s.kept {
		if k.pkg == pkg && k.test != "" {
			names = append(names, k.test)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprint(s.out, s.kept[key{pkg, name}])
	}
}

func (s *sum) ok() bool { return s.failed == 0 && s.badPackages == 0 && s.passed > 0 }

// close writes the closing lines: the packages, and the count last.
func (s *sum) close(w io.Writer) {
	for _, l := range s.lines {
		if !strings.Contains(l, "[no test files]") {
			fmt.Fprintln(w, l)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}
