package docs_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A compose is docker-compose.yml, with every key that is used in it: another is
// refused.
type compose struct {
	Name      string             `yaml:"name"`
	Services  map[string]service `yaml:"services"`
	Volumes   map[string]any     `yaml:"volumes"`
	Configs   map[string]content `yaml:"configs"`
	Logging   any                `yaml:"x-logging"`
	Sluice    any                `yaml:"x-sluice"`
	Settings  any                `yaml:"x-settings"`
	Serving   any                `yaml:"x-serving"`
	Health    any                `yaml:"x-health"`
	NeedsThat any                `yaml:"x-needs-redis"`
}

type content struct {
	Content string `yaml:"content"`
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
	EnvFile         []string          `yaml:"env_file"`
	Ports           []string          `yaml:"ports"`
	Volumes         []string          `yaml:"volumes"`
	Profiles        []string          `yaml:"profiles"`
	WorkingDir      string            `yaml:"working_dir"`
	DependsOn       map[string]any    `yaml:"depends_on"`
	StopGracePeriod time.Duration     `yaml:"stop_grace_period"`
	Restart         string            `yaml:"restart"`
	ReadOnly        bool              `yaml:"read_only"`
	CapDrop         []string          `yaml:"cap_drop"`
	SecurityOpt     []string          `yaml:"security_opt"`
	Logging         struct {
		Driver  string            `yaml:"driver"`
		Options map[string]string `yaml:"options"`
	} `yaml:"logging"`
	Configs []struct {
		Source string `yaml:"source"`
		Target string `yaml:"target"`
	} `yaml:"configs"`
	Healthcheck struct {
		Test        []string      `yaml:"test"`
		Interval    time.Duration `yaml:"interval"`
		Timeout     time.Duration `yaml:"timeout"`
		StartPeriod time.Duration `yaml:"start_period"`
		Retries     int           `yaml:"retries"`
	} `yaml:"healthcheck"`
}

// ours is a service that runs one of the programs.
func (s service) ours() bool { return len(s.Entrypoint) > 0 }

// longRunning are the services that a deployment stands on; nothing of theirs is in
// a profile, so that `docker compose up` starts them and nothing else.
var longRunning = []string{"redis", "worker", "serve", "receiver"}

// Where Redis listens if nothing says otherwise.
const redisPort = "6379"

// loadCompose is the compose file, as it is with the password that is to be set, with
// the senders of the examples, and all else as it is by itself.
func loadCompose(t *testing.T) compose {
	t.Helper()
	text := os.Expand(read(t, "docker-compose.yml"), func(name string) string {
		name, def, _ := strings.Cut(name, ":")
		switch {
		case name == "REDIS_PASSWORD":
			return "a-password"
		case name == "CONFIG_DIR":
			return "./examples/compose"
		case strings.HasPrefix(def, "-"):
			return def[1:]
		}
		t.Errorf("docker-compose.yml needs the variable %s, which has no default", name)
		return ""
	})
	var c compose
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	return c
}

func checkCompose(t *testing.T, p programs) {
	t.Helper()
	c := loadCompose(t)
	var started []string
	for name, s := range c.Services {
		if len(s.Profiles) == 0 {
			started = append(started, name)
		}
		for other := range s.DependsOn {
			if of, there := c.Services[other]; !there || len(of.Profiles) > 0 {
				t.Errorf("service %s depends on %s, which is not there, or in a profile", name, other)
			}
		}
		if s.Logging.Driver != "json-file" || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			t.Errorf("the log of service %s grows for ever", name)
		}
		if name != "producer" && s.Restart != "unless-stopped" {
			t.Errorf("service %s does not come back by itself", name)
		}
		checkVolumes(t, c, name)
		checkPorts(t, p, name, s)
		if s.ours() {
			checkProgram(t, p, name, s)
			checkAddresses(t, c, name)
		}
	}
	slices.Sort(started)
	if want := slices.Sorted(slices.Values(longRunning)); !slices.Equal(started, want) {
		t.Errorf("`docker compose up` starts %v, not %v", started, want)
	}
	if len(c.Services["worker"].Ports) > 0 {
		t.Error("the worker has a port on the host, so that there can be one alone")
	}
	checkRedis(t, c)
	checkEnvExample(t, p)
	checkScrapes(t, c)
	checkGrace(t, c.Services["worker"])
}

// checkEnvExample: .env.example names every variable of the compose file and no other,
// but for settings of the programs and a secret of a sender's.
func checkEnvExample(t *testing.T, p programs) {
	t.Helper()
	example, file := read(t, ".env.example"), read(t, "docker-compose.yml")
	used := map[string]string{}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):([-?])([^}]*)\}`).FindAllStringSubmatch(file, -1) {
		used[m[1]] = m[3]
		line := regexp.MustCompile(`(?m)^#?` + m[1] + `=(.*)$`).FindStringSubmatch(example)
		switch {
		case m[1] == "SANDBOX_PORT":
		case line == nil:
			t.Errorf(".env.example has no %s", m[1])
		case m[2] == "-" && line[1] != m[3]:
			t.Errorf(".env.example has %s=%s, and its default is %s", m[1], line[1], m[3])
		case m[2] == "?" && line[1] != "":
			t.Errorf(".env.example has a value for %s, which everybody would have then", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(example, -1) {
		if _, there := used[m[1]]; !there && m[1] != "NX_SECRET" && !strings.Contains(p.help["worker"], "$"+m[1]+")") {
			t.Errorf(".env.example has %s, which nothing reads", m[1])
		}
	}
}

// checkScrapes: Prometheus asks every service that serves figures, where it does.
func checkScrapes(t *testing.T, c compose) {
	t.Helper()
	text := read(t, "deploy/prometheus/prometheus.yml")
	for name, s := range c.Services {
		addr := s.Environment["SLUICE_METRICS_ADDR"]
		if addr == "" || len(s.Profiles) > 0 {
			continue
		}
		if !regexp.MustCompile(`names: \[[^\]]*\b` + name + `\b[^\]]*\], type: A, port: ` + portOf(addr) + `\b`).MatchString(text) {
			t.Errorf("Prometheus does not ask service %s on port %s", name, portOf(addr))
		}
	}
}

func portOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

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
	for _, problem := range p.problems(binary + " " + strings.Join(s.Command, " ")) {
		t.Errorf("service %s: %s", name, problem)
	}
	if len(s.EnvFile) != 1 || s.EnvFile[0] != ".env" || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
		t.Errorf("service %s: %+v", name, s)
	}
	checkHealth(t, p, name, s)
	for variable := range s.Environment {
		help := p.help[binary]
		if binary == "producer" && len(s.Command) > 0 {
			help += p.sub[s.Command[0]]
		}
		if !strings.Contains(help, "$"+variable+")") {
			t.Errorf("service %s: %s does not know the variable %s", name, binary, variable)
		}
	}
}

// checkVolumes: a mounted directory is in the repository, a named volume declared.
func checkVolumes(t *testing.T, c compose, name string) {
	t.Helper()
	for _, v := range c.Services[name].Volumes {
		source, target, _ := strings.Cut(v, ":")
		if c.Services[name].ours() && strings.HasPrefix(target, "/spool") && !strings.Contains(read(t, "Dockerfile"), "--chown=65532:65532 /spool /spool") {
			t.Errorf("service %s cannot write to %s, which is root's", name, target)
		}
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
func checkPorts(t *testing.T, p programs, name string, s service) {
	t.Helper()
	for _, published := range s.Ports {
		inside := portOf(published)
		if s.ours() && !slices.Contains(s.Command, net.JoinHostPort("0.0.0.0", inside)) {
			t.Errorf("service %s publishes port %s and listens on %v", name, inside, s.Command)
		}
		if !strings.HasPrefix(published, "127.0.0.1:") {
			t.Errorf("service %s publishes %s to the whole network", name, published)
		}
	}
}

// checkHealth: a program that serves its health is asked for it by itself, for there
// is nothing else in the image.
func checkHealth(t *testing.T, p programs, name string, s service) {
	t.Helper()
	test := s.Healthcheck.Test
	if s.Environment["SLUICE_METRICS_ADDR"] == "" {
		if len(test) > 0 {
			t.Errorf("service %s is asked for its health, and serves none", name)
		}
		return
	}
	if len(test) < 3 || test[0] != "CMD" || test[1] != s.Entrypoint[0] || test[2] != "healthcheck" {
		t.Errorf("the health of service %s is asked for by %v", name, test)
		return
	}
	help := p.run(t, strings.TrimPrefix(test[1], "/"), "healthcheck", "--help")
	for _, word := range test[3:] {
		if strings.HasPrefix(word, "--") && !knows(help, word) {
			t.Errorf("the health of service %s is asked for with %s, which is not known", name, word)
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
			addresses = append(addresses, baseURLs(read(t, filepath.Join("examples/compose", filepath.Base(value))))...)
			if !slices.Contains(c.Services[name].Volumes, "./examples/compose:"+filepath.Dir(value)+":ro") {
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
			if password, _ := u.User.Password(); u.Port() != redisPort || password != "a-password" {
				t.Errorf("service %s expects redis at %s", name, address)
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

// checkRedis: it keeps what it is given, lets nobody in without the password, and says
// when it is up.
func checkRedis(t *testing.T, c compose) {
	t.Helper()
	s := c.Services["redis"]
	if len(s.Configs) != 1 || !slices.Equal(s.Command, []string{"redis-server", s.Configs[0].Target}) {
		t.Fatalf("redis is started with %v and has %v", s.Command, s.Configs)
	}
	conf := c.Configs[s.Configs[0].Source].Content
	for _, needed := range []string{"requirepass a-password", "appendonly yes", "maxmemory-policy noeviction", "dir /data"} {
		if !strings.Contains("\n"+conf, "\n"+needed+"\n") {
			t.Errorf("the settings of redis are without %s:\n%s", needed, conf)
		}
	}
	if s.Environment["REDISCLI_AUTH"] != "a-password" || !slices.Equal(s.Healthcheck.Test, []string{"CMD", "redis-cli", "-e", "ping"}) || !slices.Equal(s.Volumes, []string{"redis:/data"}) {
		t.Errorf("redis: %+v", s)
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
