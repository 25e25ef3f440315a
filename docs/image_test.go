package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	goVersion  = regexp.MustCompile(`(?m)^go (\S+)$`)
	baseImage  = regexp.MustCompile(`(?m)^FROM golang:([0-9.]+)-`)
	copyBuilt  = regexp.MustCompile(`(?m)^COPY --from=build ((?:/out/\S+ )+)`)
	copySource = regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`)
	user       = regexp.MustCompile(`(?m)^USER (\S+)$`)
	entry      = regexp.MustCompile(`(?m)^ENTRYPOINT \["/([a-z]+)"\]$`)
)

// imagePrograms are the programs that the image holds.
func imagePrograms(t *testing.T) []string {
	t.Helper()
	m := copyBuilt.FindStringSubmatch(read(t, "Dockerfile"))
	if m == nil {
		t.Fatal("the Dockerfile copies no program into the image")
	}
	var names []string
	for word := range strings.FieldsSeq(m[1]) {
		names = append(names, path.Base(word))
	}
	return names
}

// checkImage: the image is built with the Go of go.mod from sources that it is
// given, holds the programs, starts the worker, and is nobody's.
func checkImage(t *testing.T) {
	t.Helper()
	text, ignored := read(t, "Dockerfile"), read(t, ".dockerignore")
	want := goVersion.FindStringSubmatch(read(t, "go.mod"))
	got := baseImage.FindStringSubmatch(text)
	if want == nil || got == nil || want[1] != got[1] {
		t.Errorf("go.mod wants Go %v, the Dockerfile has %v", want, got)
	}
	for _, m := range copySource.FindAllStringSubmatch(text, -1) {
		for source := range strings.FieldsSeq(m[1]) {
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("the Dockerfile copies %s, which is not there", source)
			}
			if !strings.Contains(ignored, "\n!"+source+"\n") {
				t.Errorf("the Dockerfile copies %s, which .dockerignore leaves out", source)
			}
		}
	}
	programs := imagePrograms(t)
	for _, name := range programs {
		if !strings.Contains(text, "./cmd/"+name) {
			t.Errorf("the Dockerfile copies %s and does not build it", name)
		}
	}
	if m := entry.FindStringSubmatch(text); m == nil || m[1] != "worker" || !slices.Contains(programs, m[1]) {
		t.Errorf("the image starts %v, not the worker", m)
	}
	if m := user.FindStringSubmatch(text); m == nil || m[1] != "65532:65532" {
		t.Errorf("the image runs as %v, not as 65532:65532", m)
	}
	for _, needed := range []string{"CGO_ENABLED=0", "-trimpath", "FROM scratch", "/etc/ssl/certs/", "/usr/share/zoneinfo"} {
		if !strings.Contains(text, needed) {
			t.Errorf("the Dockerfile is without %s", needed)
		}
	}
}
