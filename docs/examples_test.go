package docs_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// checkExamples: every example campaign passes a dry run with each senders file,
// and its list has each trouble that it is meant to show.
func checkExamples(t *testing.T, p programs) {
	t.Helper()
	campaigns, err := filepath.Glob(filepath.Join(root, "examples", "campaign*.yaml"))
	if err != nil || len(campaigns) < 2 {
		t.Fatalf("example campaigns: %v, %v", campaigns, err)
	}
	for _, file := range campaigns {
		for _, senders := range []string{"senders.yaml", "compose/senders.yaml"} {
			out := p.run(t, "producer", "send", "examples/"+filepath.Base(file), "--senders", "examples/"+senders, "--dry-run", "--no-preflight", "--json")
			var plan struct{ Rows, Pending, Invalid, Duplicate, Suppressed int }
			if err := json.Unmarshal([]byte(out), &plan); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, out)
			}
			if plan.Rows != plan.Pending+plan.Invalid+plan.Duplicate+plan.Suppressed {
				t.Errorf("%s: the rows do not add up: %+v", file, plan)
			}
			if plan.Pending < 30 || plan.Invalid < 6 || plan.Duplicate < 2 {
				t.Errorf("%s: the list has lost its recipients or its troubles: %+v", file, plan)
			}
		}
	}
	here := strings.ReplaceAll(settingsOf(read(t, "examples/senders.yaml")), "127.0.0.1:8099", "sandbox:8099")
	if there := settingsOf(read(t, "examples/compose/senders.yaml")); here != there {
		t.Errorf("examples/senders.yaml and compose/senders.yaml differ in more than the sandbox's address:\n%s\n%s", here, there)
	}
}

// settingsOf is a file without its comments.
func settingsOf(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
