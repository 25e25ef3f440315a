package docs_test

import (
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A compose is docker-compose.yml, as far as it is checked here.
type compose struct {
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image string `yaml:"image"`
	Build struct {
		Context string `yaml:"context"`
		Target  string `yaml:"target"`
	} `yaml:"build"`
	Entrypoint      []string          `yaml:"entrypoint"`
	Command         []string          `yaml:"command"`
	Environment     map[string]string `yaml:"environment"`
	Ports           []string          `yaml:"ports"`
	Volumes         []string          `yaml:"volumes"`
	Profiles        []string          `yaml:"profiles"`
	DependsOn       map[string]any    `yaml:"depends_on"`
	StopGracePeriod time.Duration     `yaml:"stop_grace_period"`
	Healthcheck     struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// ours is a service that runs one of the programs.
func (s service) ours() bool { return len(s.Entrypoint) > 0 }

// Where Redis listens if nothing says otherwise.
const redisPort = "6379"

func checkCompose(t *testing.T, p programs) {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &c); err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	for _, needed := range []string{"redis", "sandbox", "worker", "producer"} {
		if _, there := c.Services[needed]; !there {
			t.Fatalf("docker-compose.yml has no service %s", needed)
		}
	}
	for name, s := range c.Services {
		for other := range s.DependsOn {
			if _, there := c.Services[other]; !there {
				t.Errorf("service %s depends on %s, which is not there", name, other)
			}
		}
		checkVolumes(t, c, name)
		if s.ours() {
			checkProgram(t, p, name, s)
			checkAddresses(t, c, name)
			checkPorts(t, name, s)
		}
	}
	checkRedis(t, c.Services["redis"])
	if !slices.Equal(c.Services["producer"].Profiles, []string{"tools"}) {
		t.Error("service producer must be in the profile tools alone, or `docker compose up` starts it")
	}
	checkGrace(t, c.Services["worker"])
}

// checkProgram: image, program, flags and variables of a service are there.
func checkProgram(t *testing.T, p programs, name string, s service) {
	t.Helper()
	dockerfile := read(t, "Dockerfile")
	if s.Build.Context != "." || !regexp.MustCompile(`(?m)^FROM \S+ AS `+regexp.QuoteMeta(s.Build.Target)+`$`).MatchString(dockerfile) {
		t.Errorf("service %s is built from %q, target %q, which the Dockerfile does not have", name, s.Build.Context, s.Build.Target)
	}
	binary := strings.TrimPrefix(s.Entrypoint[0], "/")
	if _, err := os.Stat(filepath.Join(root, "cmd", binary)); err != nil {
		t.Errorf("service %s starts %s: there is no cmd/%s", name, s.Entrypoint[0], binary)
	}
	if !slices.Contains(imagePrograms(t), binary) {
		t.Errorf("service %s starts %s, which the Dockerfile does not put into the image", name, s.Entrypoint[0])
	}
	for _, word := range append(slices.Clone(s.Entrypoint[1:]), s.Command...) {
		if flag := longFlag.FindString(word); flag != "" && !knows(p.help[binary], flag) {
			t.Errorf("service %s: %s has no flag %s", name, binary, flag)
		}
	}
	for variable := range s.Environment {
		if !strings.Contains(p.help[binary], "$"+variable+")") {
			t.Errorf("service %s: %s does not know the variable %s", name, binary, variable)
		}
	}
}

// checkVolumes: a mounted directory is in the repository, a named volume declared.
func checkVolumes(t *testing.T, c compose, name string) {
	t.Helper()
	for _, v := range c.Services[name].Volumes {
		source, _, _ := strings.Cut(v, ":")
		if strings.HasPrefix(source, ".") {
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("service %s mounts %s, which is not there", name, source)
			}
		} else if _, there := c.Volumes[source]; !there {
			t.Errorf("service %s uses the volume %s, which is not declared", name, source)
		}
	}
}

// checkPorts: what is published is what the program is told to listen on, on
// every address within its container, and on this machine alone outside of it.
func checkPorts(t *testing.T, name string, s service) {
	t.Helper()
	for _, published := range s.Ports {
		inside := published[strings.LastIndex(published, ":")+1:]
		if !slices.Contains(s.Command, net.JoinHostPort("0.0.0.0", inside)) {
			t.Errorf("service %s publishes port %s and listens on %v", name, inside, s.Command)
		}
		if !strings.HasPrefix(published, "127.0.0.1:") {
			t.Errorf("service %s publishes %s to the whole network", name, published)
		}
	}
}

// checkAddresses: each address in the settings, and in the senders file that they
// name, is another service and a port that it listens on.
func checkAddresses(t *testing.T, c compose, name string) {
	t.Helper()
	var addresses []string
	for variable, value := range c.Services[name].Environment {
		switch variable {
		case "SLUICE_REDIS_URL":
			addresses = append(addresses, value)
		case "SLUICE_SENDERS":
			text := read(t, filepath.Join("examples", path.Base(value)))
			addresses = append(addresses, baseURLs(text)...)
			if !slices.Contains(c.Services[name].Volumes, "./examples:"+path.Dir(value)+":ro") {
				t.Errorf("service %s reads %s, which is not mounted", name, value)
			}
		}
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			t.Errorf("service %s: %v", name, err)
			continue
		}
		other, there := c.Services[u.Hostname()]
		switch {
		case !there:
			t.Errorf("service %s speaks to %s, and there is no such service", name, address)
		case u.Scheme == "redis":
			if u.Port() != redisPort {
				t.Errorf("service %s expects redis on port %s", name, u.Port())
			}
		case !slices.Contains(other.Command, net.JoinHostPort("0.0.0.0", u.Port())):
			t.Errorf("service %s speaks to %s, which listens on %v", name, address, other.Command)
		}
	}
}

// baseURLs are the addresses of a senders file.
func baseURLs(text string) []string {
	var urls []string
	for _, m := range regexp.MustCompile(`base_url: (\S+)`).FindAllStringSubmatch(text, -1) {
		urls = append(urls, m[1])
	}
	return urls
}

// checkRedis: it keeps what it is given, and says when it is up.
func checkRedis(t *testing.T, s service) {
	t.Helper()
	command := strings.Join(s.Command, " ")
	for _, needed := range []string{"--appendonly yes", "--maxmemory-policy noeviction"} {
		if !strings.Contains(command, needed) {
			t.Errorf("redis is started with %q, without %s", command, needed)
		}
	}
	if len(s.Volumes) == 0 || len(s.Healthcheck.Test) == 0 {
		t.Error("redis has no volume, or no health check")
	}
}

// longestTimeout is the longest that a senders file may say; a submission takes
// it twice at most, and stopSlack is what the worker adds to that when it stops.
const (
	longestTimeout = 2 * time.Minute
	stopSlack      = 10 * time.Second
)

// checkGrace: a worker is not killed in the middle of a submission.
func checkGrace(t *testing.T, s service) {
	t.Helper()
	if needed := 2*longestTimeout + stopSlack; s.StopGracePeriod <= needed {
		t.Errorf("worker is killed %s after it was told to stop; it may take %s", s.StopGracePeriod, needed)
	}
}
