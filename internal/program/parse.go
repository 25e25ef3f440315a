package program

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Parse reads a program's command line into flags, a pointer to a struct as kong has
// it. Over says that it asked for help or the version, which it was told. An error is a
// *UsageError.
func Parse(name, description string, flags any, args []string, stdout, stderr io.Writer, more ...kong.Option) (command string, over bool, err error) {
	parser, err := kong.New(flags, append([]kong.Option{
		kong.Name(name), kong.Description(description), kong.Writers(stdout, stderr), kong.Exit(func(int) { over = true }),
	}, more...)...)
	if err != nil {
		return "", false, fmt.Errorf("building the command line: %w", err)
	}
	k, err := parser.Parse(args)
	switch {
	case over:
		return "", true, nil
	case err != nil:
		return "", false, &UsageError{Err: fmt.Errorf("%w; see %s --help", err, name)}
	}
	return k.Command(), false, nil
}
