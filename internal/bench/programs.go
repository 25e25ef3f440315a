package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A bench is one run's folder and programs.
type bench struct {
	settings
	dir    string
	stdout io.Writer
}

func newBench(ctx context.Context, s settings, stdout io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-*")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	b := &bench{settings: s, dir: dir, stdout: stdout}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./cmd/producer", "./cmd/worker", "./cmd/sandbox", "./cmd/receiver")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the programs: %w\n%s", err, text)
	}
	return b, nil
}

func (b *bench) close() error { return os.RemoveAll(b.dir) }

// A site is a Redis, a sandbox and workers.
type site struct {
	b       *bench
	dir     string
	redis   *redis.Client
	addr    string
	sandbox string
	procs   []*exec.Cmd
	workers []int  // their process ids
	near    string // the workers' address of Redis, where it is not addr
}

// open starts a site: a Redis of its own, a sandbox, and a senders file with the
// limits.
func (b *bench) open(ctx context.Context, limits string, sandboxArgs ...string) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "site-*")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("finding a port: %w", err)
	}
	s := &site{b: b, dir: dir, addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.redis = redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: 40})
	if err := s.startRedis(ctx); err != nil {
		return nil, err
	}
	out, err := s.start(ctx, filepath.Join(b.dir, "sandbox"), append([]string{"--addr", "127.0.0.1:0"}, sandboxArgs...)...)
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	first(s.procs[len(s.procs)-1].Process.Pid)
	s.sandbox = regexp.MustCompile(`http://\S+`).FindString(line)
	return s, s.write("senders.yaml", fmt.Sprintf(senders, s.sandbox, limits))
}

// startRedis starts the site's Redis, again after it was killed, and waits for it.
func (s *site) startRedis(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	if _, err := s.start(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"); err != nil {
		return err
	}
	if err := s.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reaching redis-server: %w", err)
	}
	return nil
}

const senders = `senders:
  nx: {provider: nxcloud, base_url: "%[1]s", template_base_url: "%[1]s", tenant_id: 1, appkey: sandbox-app, business_phone: "8615800001795", access_key: sandbox-key, access_secret: sandbox-secret, limits: {%[2]s}}
  inno: {provider: innopaas, base_url: "%[1]s", app_key: sandbox-app, authorization: sandbox-token, waba_id: "110000000000001", send_number: "8618900000000", limits: {%[2]s}}
`

func (s *site) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// start starts a program that ends with the site.
func (s *site) start(ctx context.Context, path string, args ...string) (io.Reader, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.dir
	cmd.Env = s.env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(path), err)
	}
	s.procs = append(s.procs, cmd)
	return out, nil
}

func (s *site) env() []string {
	addr := s.addr
	if s.near != "" {
		addr = s.near
	}
	return append(os.Environ(), "SLUICE_REDIS_URL=redis://"+addr+"/0", "SLUICE_SENDERS="+filepath.Join(s.dir, "senders.yaml"))
}

// worker starts a worker that does not look at templates: the sandbox has none
// that fits the list's three variables.
func (s *site) worker(ctx context.Context) error {
	if _, err := s.start(ctx, filepath.Join(s.b.dir, "worker"), "--log-level", "error", "--preflight-every", "0"); err != nil {
		return err
	}
	s.workers = append(s.workers, s.procs[len(s.procs)-1].Process.Pid)
	return nil
}

// workersCPU is the processor time that the workers have used since their start.
func (s *site) workersCPU() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range s.workers {
		used, err := cpuOf(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// producer runs the producer to its end and says how long it took and how much
// memory it had at most, in KiB.
func (s *site) producer(ctx context.Context, args ...string) (time.Duration, int64, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.b.dir, "producer"), args...)
	cmd.Dir, cmd.Env = s.dir, s.env()
	began := time.Now()
	text, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, 0, fmt.Errorf("producer %v: %w\n%s", args, err, text)
	}
	return took, maxRSS(cmd.ProcessState), nil
}

// close ends the programs; the files go with the bench.
func (s *site) close() {
	for _, p := range slices.Backward(s.procs) {
		if err := p.Process.Kill(); err == nil {
			_ = p.Wait() // it was killed
		}
	}
	s.redis.Close()
}

// list writes list.csv: n Brazilian numbers with three short variables.
func (s *site) list(n int) error {
	f, err := os.Create(filepath.Join(s.dir, "list.csv"))
	if err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "phone,first_name,discount,code")
	names := []string{"Ana", "Bruno", "Carla", "Davi", "Elisa", "Gabriela"}
	x := uint64(1)
	for i := range n {
		x = (x + 1_567_890_121) % 900_000_000 // every number once, in no order
		fmt.Fprintf(w, "55%d9%08d,%s,%d%%,c%06d\n", 11+x/100_000_000, x%100_000_000, names[i%len(names)], 5+i%40, (i*7919)%1_000_000)
	}
	return errors.Join(w.Flush(), f.Close())
}

// campaign writes a campaign file: three variables by nxcloud, or one text for
// all by innopaas.
func (s *site) campaign(id, sender, list, more string) error {
	message := `{type: template, template: {name: spring_sale, language: pt_BR, body: ["{{first_name}}", "{{discount}}", "{{code}}"]}}`
	if sender == "inno" {
		message = `{type: template, template: {name: plain_news, language: en_US}}`
	}
	return s.write(id+".yaml", fmt.Sprintf("id: %s\nsender: %s\nmessage: %s\nrecipients: {file: %s}\n%s\n", id, sender, message, list, more))
}

// checked writes the campaign of list.csv for a sandbox that looks at each message: its
// template takes one variable.
func (s *site) checked(id string) error {
	const message = `{type: template, template: {name: order_update, language: en_US, body: ["{{first_name}}"]}}`
	return s.write(id+".yaml", fmt.Sprintf("id: %s\nsender: nx\nmessage: %s\nrecipients: {file: list.csv}\n", id, message))
}

// report is what the sandbox saw.
type report struct {
	Counted, Messages, Requests int64
	Taken, Duplicates           int
	MaxPerSecond                int     `json:"max_per_second"`
	FirstUS                     int64   `json:"first_us"`
	LastUS                      int64   `json:"last_us"`
	AveragePerSecond            float64 `json:"average_per_second"`
}

func (s *site) report(ctx context.Context) (report, error) {
	var r report
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.sandbox+"/_sandbox/report", nil)
	if err != nil {
		return r, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, fmt.Errorf("asking the sandbox: %w", err)
	}
	defer resp.Body.Close()
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

// awaitCounted waits until a sandbox that only counts has counted n messages of
// the campaign.
func (s *site) awaitCounted(ctx context.Context, id string, n int64) error {
	return s.await(ctx, id, func(string) (bool, error) {
		r, err := s.report(ctx)
		return r.Counted >= n, err
	})
}

// awaitFinished waits until a campaign is finished.
func (s *site) awaitFinished(ctx context.Context, id string) error {
	return s.await(ctx, id, func(state string) (bool, error) { return state == "finished", nil })
}

// await waits for something of a campaign, which is in a state, and fails when
// the campaign was halted, for then it would wait for ever.
func (s *site) await(ctx context.Context, id string, there func(state string) (bool, error)) error {
	return s.until(ctx, func() (bool, error) {
		fields, err := s.redis.HMGet(ctx, "sluice:{"+id+"}", "state", "reason").Result()
		if err != nil {
			return false, fmt.Errorf("asking Redis: %w", err)
		}
		state, _ := fields[0].(string)
		ok, err := there(state)
		if !ok && err == nil && state == "halted" {
			err = fmt.Errorf("campaign %s was halted: %v", id, fields[1])
		}
		return ok, err
	})
}

// until waits for something.
func (s *site) until(ctx context.Context, there func() (bool, error)) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := there(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// commands are all commands that Redis has run, those inside scripts too.
func (s *site) commands(ctx context.Context) (float64, error) {
	text, err := s.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	sum := 0.0
	for _, m := range regexp.MustCompile(`cmdstat_([a-z|]+):calls=(\d+)`).FindAllStringSubmatch(text, -1) {
		if m[1] == "info" {
			continue
		}
		var n float64
		if _, err := fmt.Sscan(m[2], &n); err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// memory is what Redis uses, in bytes.
func (s *site) memory(ctx context.Context) (float64, error) {
	text, err := s.redis.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	_, after, _ := strings.Cut(text, "used_memory:")
	var n float64
	_, err = fmt.Sscan(after, &n)
	return n, err
}

// A spread is a median with its lowest and highest.
type spread []float64

func (s spread) text(format string) string {
	t := slices.Sorted(slices.Values(s))
	return fmt.Sprintf(format+" ("+format+" to "+format+")", t[len(t)/2], t[0], t[len(t)-1])
}
