package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// checkUnits: each unit of systemd starts a program with flags and variables that it
// knows, gives it the time that it needs to stop, and is valid by systemd itself where
// that is here.
func checkUnits(t *testing.T, p programs) {
	t.Helper()
	units, err := filepath.Glob(filepath.Join(root, "deploy/systemd/*.service"))
	if err != nil || len(units) != 3 {
		t.Fatal(units, err)
	}
	dir, stopped := t.TempDir(), 0
	for _, path := range units {
		name := filepath.Base(path)
		text := read(t, "deploy/systemd/"+name)
		start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/(.*)$`).FindStringSubmatch(text)
		if start == nil {
			t.Fatalf("%s starts nothing", name)
		}
		for _, problem := range p.problems(start[1]) {
			t.Errorf("%s: %s", name, problem)
		}
		if strings.HasPrefix(start[1], "worker") {
			seconds, err := strconv.Atoi(regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(text)[1])
			if err != nil || time.Duration(seconds)*time.Second <= 2*longestTimeout+stopSlack {
				t.Errorf("%s kills a worker after %d s", name, seconds)
			}
			stopped++
		}
		// The programs as they are here, for systemd looks whether they are there.
		text = strings.ReplaceAll(text, "/usr/local/bin/", p.dir+"/")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if stopped != 1 {
		t.Errorf("%d units of workers", stopped)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not here: the units are not verified by it")
		return
	}
	for _, path := range units {
		unit := filepath.Join(dir, strings.Replace(filepath.Base(path), "@.", "@1.", 1))
		if strings.Contains(unit, "@1.") {
			if err := os.Rename(strings.Replace(unit, "@1.", "@.", 1), unit); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"verify", "--man=no", "--recursive-errors=no", unit}, {"security", "--offline=true", "--threshold=20", unit}} {
			if out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput(); err != nil || args[0] == "verify" && len(out) > 0 {
				t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
			}
		}
	}
}

// checkKubernetes: each container of the example starts a program with flags that it
// knows, and listens where it says.
func checkKubernetes(t *testing.T, p programs) {
	t.Helper()
	found := 0
	for document := range strings.SplitSeq(read(t, "deploy/kubernetes/sluice.yaml"), "\n---\n") {
		var object struct {
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Name          string
							Command, Args []string
							Ports         []struct {
								ContainerPort int `yaml:"containerPort"`
							}
						}
					}
				}
			}
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			found++
			line := strings.TrimPrefix(c.Command[0], "/") + " " + strings.Join(c.Args, " ")
			for _, problem := range p.problems(line) {
				t.Errorf("%s: %s", c.Name, problem)
			}
			for _, port := range c.Ports {
				if !strings.Contains(line, " :"+strconv.Itoa(port.ContainerPort)) {
					t.Errorf("%s has the port %d, and listens by %q", c.Name, port.ContainerPort, line)
				}
			}
		}
	}
	if found != 3 {
		t.Errorf("%d containers", found)
	}
}
