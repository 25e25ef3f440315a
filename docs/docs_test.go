// Package docs_test holds what is written against what is there: a command, a
// flag, a target, a port or a file that a document, the compose file or an
// example names exists, so that what a reader copies works.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the repository as seen from here.
const root = ".."

func TestDocs(t *testing.T) {
	t.Parallel()
	p := build(t)
	t.Run("compose", func(t *testing.T) { t.Parallel(); checkCompose(t, p) })
	t.Run("units", func(t *testing.T) { t.Parallel(); checkUnits(t, p) })
	t.Run("kubernetes", func(t *testing.T) { t.Parallel(); checkKubernetes(t, p) })
	t.Run("image", func(t *testing.T) { t.Parallel(); checkImage(t) })
	t.Run("examples", func(t *testing.T) { t.Parallel(); checkExamples(t, p) })
	t.Run("targets", func(t *testing.T) { t.Parallel(); checkTargets(t) })
	t.Run("commands", func(t *testing.T) { t.Parallel(); checkCommands(t, p) })
	t.Run("settings", func(t *testing.T) { t.Parallel(); checkSettings(t, p) })
	t.Run("figures", func(t *testing.T) { t.Parallel(); checkFigures(t) })
	t.Run("links", func(t *testing.T) { t.Parallel(); checkLinks(t) })
}

// read is a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// written are the files that a person reads, and copies from.
func written(t *testing.T) []string {
	t.Helper()
	names := []string{"docker-compose.yml", ".env.example", "deploy/systemd/sluice.env", "deploy/kubernetes/sluice.yaml", ".ci/run", ".github/workflows/ci.yml"}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			name, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names
}

var (
	target   = regexp.MustCompile(`(?m)^([a-z-]+):.*## `)
	makeUse  = regexp.MustCompile("(?m)(?:^\\s*(?:\\$ |- run: |step [a-z]+ )?|`)make (?:--[a-z-]+ )*([a-z-]+(?: [a-z-]+)*)")
	inlined  = regexp.MustCompile("`([^`\n]+)`")
	fence    = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	mdLink   = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	program  = regexp.MustCompile(`(?:^|[\s/])(producer|worker|receiver|sandbox)((?:\s+\S+)*)`)
	longFlag = regexp.MustCompile(`^--[a-z][a-z-]*`)
	bareWord = regexp.MustCompile(`^[a-z]+(\|[a-z]+)*$`)
	indented = regexp.MustCompile(`(?m)^ {4,}(\S.*)$`)
	variable = regexp.MustCompile(`SLUICE_[A-Z_]+`)
	figure   = regexp.MustCompile(`\bsluice_[a-z_]+`)
)

// checkTargets: each `make x` that is written somewhere is a target that `make
// help` shows.
func checkTargets(t *testing.T) {
	t.Helper()
	var there []string
	for _, m := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		there = append(there, m[1])
	}
	for _, needed := range []string{"help", "deps", "build", "test", "lint", "fuzz", "bench", "soak", "demo", "cover", "tidy-check"} {
		if !slices.Contains(there, needed) {
			t.Errorf("Makefile has no target %s; it has %v", needed, there)
		}
	}
	uses := 0
	for _, name := range written(t) {
		for _, m := range makeUse.FindAllStringSubmatch(read(t, name), -1) {
			for _, word := range strings.Fields(m[1]) {
				uses++
				if !slices.Contains(there, word) {
					t.Errorf("%s says make %s, and there is no such target", name, word)
				}
			}
		}
	}
	if uses == 0 {
		t.Error("nothing names a target: the pattern finds none")
	}
}

// checkCommands: each command line of ours that is written in code names a
// subcommand and flags that its program knows.
func checkCommands(t *testing.T, p programs) {
	t.Helper()
	for _, name := range written(t) {
		for _, line := range commandLines(name, read(t, name)) {
			for _, problem := range p.problems(line) {
				t.Errorf("%s: %q: %s", name, line, problem)
			}
		}
	}
}

// commandLines are the lines of a file that a reader may copy into a shell.
func commandLines(name, text string) []string {
	var lines []string
	if !strings.HasSuffix(name, ".md") {
		for line := range strings.Lines(text) {
			if after, is := strings.CutPrefix(strings.TrimSpace(line), "#   "); is {
				lines = append(lines, after)
			}
		}
		return lines
	}
	joined := strings.ReplaceAll(text, "\\\n", " ")
	for _, m := range fence.FindAllStringSubmatch(joined, -1) {
		lines = append(lines, strings.Split(m[1], "\n")...)
	}
	rest := fence.ReplaceAllString(joined, "")
	for _, pattern := range []*regexp.Regexp{indented, inlined} {
		for _, m := range pattern.FindAllStringSubmatch(rest, -1) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

// problems is what is wrong with a command line, as far as it starts one of the
// programs.
func (p programs) problems(line string) []string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
	for _, end := range []string{" | ", " && ", " ; ", " > ", " #", "  "} {
		line, _, _ = strings.Cut(line, end)
	}
	m := program.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	var problems []string
	words := strings.Fields(m[2])
	help := p.help[m[1]]
	if m[1] == "producer" {
		own, unknown := p.subcommandHelp(words)
		if unknown != "" {
			problems = append(problems, "producer has no command "+unknown)
		}
		help += own
	}
	for _, word := range words {
		flag := longFlag.FindString(strings.TrimLeft(word, "["))
		if flag != "" && !knows(help, flag) {
			problems = append(problems, m[1]+" has no flag "+flag)
		}
	}
	return problems
}

// subcommandHelp is the help of the subcommand that the words begin with, or of
// several that are written as one|other; or the one that is not there.
func (p programs) subcommandHelp(words []string) (help, unknown string) {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !bareWord.MatchString(w) })
	if len(words) == 0 {
		return "", ""
	}
	for first := range strings.SplitSeq(words[0], "|") {
		own := p.sub[first]
		if own == "" && len(words) > 1 {
			first += " " + words[1]
			own = p.sub[first]
		}
		if own == "" {
			return "", first
		}
		help += own
	}
	return help, ""
}

// checkSettings: each flag and variable that a document speaks of is one of a
// program's.
func checkSettings(t *testing.T, p programs) {
	t.Helper()
	all := ""
	for _, help := range p.help {
		all += help
	}
	for _, help := range p.sub {
		all += help
	}
	for _, name := range written(t) {
		text := read(t, name)
		for _, v := range variable.FindAllString(text, -1) {
			if !strings.Contains(all, "$"+v+")") {
				t.Errorf("%s speaks of the variable %s, which no program knows", name, v)
			}
		}
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, m := range inlined.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if flag := longFlag.FindString(m[1]); flag != "" && !knows(all, flag) {
				t.Errorf("%s speaks of the flag %s, which no program has", name, flag)
			}
		}
	}
}

// checkFigures: docs/operating.md has each figure of the programs', and no other; the
// README none that there is not.
func checkFigures(t *testing.T) {
	t.Helper()
	names := func(files ...string) []string {
		text := ""
		for _, name := range files {
			text += read(t, name)
		}
		return slices.Compact(slices.Sorted(slices.Values(figure.FindAllString(text, -1))))
	}
	all := names("internal/dispatch/metrics.go", "internal/worker/metrics.go", "internal/figures/figures.go", "internal/program/build.go",
		"cmd/worker/run.go", "cmd/receiver/metrics.go", "cmd/producer/measure.go")
	if diff := cmp.Diff(all, names("docs/operating.md")); diff != "" {
		t.Error(diff)
	}
	for _, name := range names("README.md") {
		if !slices.Contains(all, name) {
			t.Errorf("README.md speaks of the figure %s, which no program has", name)
		}
	}
}

// checkLinks: each link within the repository leads somewhere.
func checkLinks(t *testing.T) {
	t.Helper()
	for _, name := range written(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, m := range mdLink.FindAllStringSubmatch(fence.ReplaceAllString(read(t, name), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}
