// Package compose_test holds docker-compose.yml against the loader that docker
// compose itself uses: its schema, its merges, its variables.
package compose_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load loads the file beside an .env of these lines.
func load(t *testing.T, env string) (*types.Project, error) {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"docker-compose.yml": string(text), ".env": env} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := cli.NewProjectOptions([]string{filepath.Join(dir, "docker-compose.yml")},
		cli.WithWorkingDirectory(dir), cli.WithEnvFiles(), cli.WithDotEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

func TestLoads(t *testing.T) {
	t.Parallel()
	p, err := load(t, "REDIS_PASSWORD=abc\nNX_SECRET='a$b'\nSLUICE_KEEP=48h\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.AllServices()) != 8 {
		t.Errorf("%d services", len(p.AllServices()))
	}
	worker := p.Services["worker"]
	for name, want := range map[string]string{
		"SLUICE_REDIS_URL": "redis://:abc@redis:6379/0", "SLUICE_METRICS_ADDR": "0.0.0.0:9090",
		"SLUICE_SENDERS": "/config/senders.yaml", "NX_SECRET": "a$b", "SLUICE_KEEP": "48h",
	} {
		if got := worker.Environment[name]; got == nil || *got != want {
			t.Errorf("the worker has %s=%v, and not %s", name, got, want)
		}
	}
	if conf := p.Configs["redis"].Content; !strings.Contains(conf, "requirepass abc\n") {
		t.Errorf("the settings of redis are %s", conf)
	}
}

// Nobody runs it without a password of their own.
func TestNeedsAPassword(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"", "REDIS_PASSWORD=\n"} {
		if _, err := load(t, env); err == nil || !strings.Contains(err.Error(), "REDIS_PASSWORD") {
			t.Errorf("with %q: %v", env, err)
		}
	}
}

// What is no key of a service is refused: the loader is strict.
func TestIsStrict(t *testing.T) {
	t.Parallel()
	o, err := cli.NewProjectOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(file, []byte("name: x\nservices: {a: {image: b, commnd: [c]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.ConfigPaths = []string{file}
	if _, err := o.LoadProject(t.Context()); err == nil || !strings.Contains(err.Error(), "commnd") {
		t.Errorf("%v", err)
	}
}
