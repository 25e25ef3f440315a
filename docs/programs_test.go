package docs_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// programs are the built programs and what they say of themselves.
type programs struct {
	dir  string
	help map[string]string // by program
	sub  map[string]string // by subcommand of producer, such as "suppress add"
}

var subcommand = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)*)(?: |$)`)

// build builds the programs that the image holds, as the image does, and asks
// each for its help.
func build(t *testing.T) programs {
	t.Helper()
	p := programs{dir: t.TempDir(), help: map[string]string{}, sub: map[string]string{}}
	cmd := exec.Command("go", "build", "-o", p.dir, "./cmd/producer", "./cmd/worker", "./cmd/receiver", "./cmd/sandbox")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, out)
	}
	for _, name := range []string{"producer", "worker", "receiver", "sandbox"} {
		p.help[name] = p.run(t, name, "--help")
	}
	_, commands, found := strings.Cut(p.help["producer"], "\nCommands:\n")
	if !found {
		t.Fatalf("producer --help lists no commands:\n%s", p.help["producer"])
	}
	for _, m := range subcommand.FindAllStringSubmatch(commands, -1) {
		words := strings.Fields(m[1])
		p.sub[m[1]] = p.run(t, "producer", append(words, "--help")...)
	}
	return p
}

// run runs a program to its end, which must be a good one, and is its output.
func (p programs) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(p.dir, name), args...)
	cmd.Dir = root
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &said)
	}
	return string(out)
}

// negatable is how a help text shows a flag that can be said in the negative.
var negatable = regexp.MustCompile(`--\[no-\]([a-z-]+)`)

// knows says whether a help text has a flag.
func knows(help, flag string) bool {
	help = negatable.ReplaceAllString(help, "--$1 --no-$1")
	return regexp.MustCompile(regexp.QuoteMeta(flag) + `(?:[=\s,\]]|$)`).MatchString(help)
}
