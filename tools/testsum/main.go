// Command testsum reads what `go test -json` prints and shows what a person
// wants of it: the output of whatever failed, and one line a package. At the end
// it writes the closing lines, with how many tests passed and failed, to standard
// output or, with -o, to a file as well.
//
// It exits 1 if anything failed or if no test ran: a run that tested nothing
// must not look like one that passed.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	file := flag.String("o", "", "write the closing lines to this `FILE` too")
	flag.Parse()
	ok, err := run(os.Stdin, os.Stdout, *file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reads events from in until it ends, and says whether all is well.
func run(in io.Reader, out io.Writer, file string) (bool, error) {
	s := newSum(out)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		s.line(line)
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, fmt.Errorf("reading the events: %w", err)
		}
	}
	s.close(out)
	if file == "" {
		return s.ok(), nil
	}
	f, err := os.Create(file)
	if err != nil {
		return false, fmt.Errorf("writing the closing lines: %w", err)
	}
	s.close(f)
	if err := f.Close(); err != nil {
		return false, fmt.Errorf("writing the closing lines: %w", err)
	}
	return s.ok(), nil
}
