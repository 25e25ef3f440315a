package docs_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rules are the alerts, as Prometheus reads them.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func strictly(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(read(t, name)), into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Each alert fires and stays silent by Prometheus' own tests of rules, says how bad it
// is, and has a runbook; and each runbook is of an alert.
func TestAlerts(t *testing.T) {
	t.Parallel()
	var r rules
	strictly(t, "deploy/prometheus/sluice.rules.yml", &r)
	tests, runbooks := read(t, "deploy/prometheus/sluice.rules.test.yml"), read(t, "docs/runbooks.md")
	var names []string
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			names = append(names, rule.Alert)
			for _, which := range []string{"fires", "stays silent"} {
				if !strings.Contains(tests, "  - name: "+rule.Alert+" "+which+"\n") {
					t.Errorf("no test that %s %s", rule.Alert, which)
				}
			}
			if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" ||
				rule.Annotations["runbook_url"] != "docs/runbooks.md#"+strings.ToLower(rule.Alert) {
				t.Errorf("%s: %v, %v", rule.Alert, rule.Labels, rule.Annotations)
			}
			if !strings.Contains(runbooks, "\n## "+rule.Alert+"\n") {
				t.Errorf("%s has no runbook", rule.Alert)
			}
		}
	}
	if n := strings.Count(runbooks, "\n## "); n != len(names) || n < 15 {
		t.Errorf("%d alerts and %d runbooks", len(names), n)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed: run `make deps`, or on Debian `apt-get install prometheus`")
	}
	for _, args := range [][]string{{"check", "rules", "sluice.rules.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "sluice.rules.test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = filepath.Join(root, "deploy/prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// Grafana is given a source and dashboards that are there, each panel with the source.
func TestDashboards(t *testing.T) {
	t.Parallel()
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
			Editable                     bool
		}
	}
	strictly(t, "deploy/grafana/provisioning/datasources/sluice.yml", &sources)
	if s := sources.Datasources; len(s) != 1 || s[0].UID != "sluice" || s[0].URL != "http://prometheus:9090" {
		t.Errorf("%+v", s)
	}
	compose := read(t, "docker-compose.yml")
	for _, name := range []string{"fleet", "sender"} {
		var board struct {
			UID, Title string
			Panels     []struct {
				Title      string
				Datasource struct{ UID string }
				Targets    []struct{ Expr string }
			}
		}
		if err := json.Unmarshal([]byte(read(t, "deploy/grafana/dashboards/"+name+".json")), &board); err != nil {
			t.Fatal(err)
		}
		if board.UID != "sluice-"+name || len(board.Panels) < 10 {
			t.Errorf("%s: %s has %d panels", name, board.UID, len(board.Panels))
		}
		for _, p := range board.Panels {
			if p.Datasource.UID != "sluice" || len(p.Targets) == 0 || p.Title == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
	for _, mount := range []string{"./deploy/grafana/provisioning:/etc/grafana/provisioning:ro", "./deploy/grafana/dashboards:/var/lib/grafana/dashboards:ro"} {
		if !strings.Contains(compose, mount) {
			t.Errorf("docker-compose.yml does not mount %s", mount)
		}
	}
}
