// Command bench measures the real programs against plain ones that do the same
// work and nothing else, interleaved in one run, and writes docs/bench.md. Only
// its ratios travel to other machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) > 1 && os.Args[1] == plainQueueArg {
		err = runPlainQueue(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what a run measures.
type settings struct {
	pairs    int
	rows     int // of the sending benchmarks
	list     int // rows of the import
	paces    bool
	only     string
	busy     time.Duration // of the takeover
	spinners int           // of the takeover, a core
	limit    int           // of the pace, this alone
	distant  bool          // of the pace, only with Redis far away
	crew     int           // of the pace, the cases of so many workers alone
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	if len(args) == 2 && args[0] == plainServer {
		return servePlainly(args[1])
	}
	s := settings{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.pairs, "pairs", 5, "pairs of measurements for each ratio")
	flags.IntVar(&s.rows, "rows", 500_000, "recipients of each sending run")
	flags.IntVar(&s.list, "list", 10_000_000, "rows of the imported list")
	flags.BoolVar(&s.paces, "pace", true, "measure the pace too, which takes some minutes")
	flags.StringVar(&s.only, "only", "", "measure only these, as send,late: send, kills, late, takeover, slots, crowd, light, receipts, import, api, begins, long, idle, pace")
	flags.IntVar(&s.limit, "limit", 0, "of the pace, measure this limit alone")
	flags.BoolVar(&s.distant, "far", false, "of the pace, measure only with Redis far away")
	flags.IntVar(&s.crew, "workers", 0, "of the pace, measure the cases of so many workers alone")
	flags.IntVar(&s.spinners, "spinners", 4, "of the takeover, the load on each core that is made beside whatever else runs")
	flags.DurationVar(&s.busy, "busy", 10*time.Minute, "of the takeover, how long false ones are waited for")
	out := flags.String("o", "docs/bench.md", "the report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, s, stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var report strings.Builder
	fmt.Fprintf(&report, "# Measured\n\n%s\n\n    go run ./internal/bench %s\n\n", machine(ctx), strings.Join(args, " "))
	for _, part := range []struct {
		name string
		run  func(context.Context, io.Writer) error
	}{{"send", b.send}, {"kills", b.kills}, {"late", b.late}, {"takeover", b.takeover}, {"slots", b.slots}, {"crowd", b.crowd}, {"light", b.light}, {"receipts", b.receipts}, {"import", b.importing}, {"api", b.api}, {"begins", b.begins}, {"long", b.long}, {"idle", b.idle}, {"pace", b.pace}} {
		if !b.measures(part.name) || part.name == "pace" && !s.paces {
			continue
		}
		var text strings.Builder
		if err := part.run(ctx, &text); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprint(stdout, text.String())
		report.WriteString(text.String())
	}
	if err := os.WriteFile(*out, []byte(report.String()), 0o600); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// measures says whether a part is asked for.
func (s settings) measures(part string) bool {
	return s.only == "" || slices.Contains(strings.Split(s.only, ","), part)
}

// machine says what was measured on.
func machine(ctx context.Context) string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), ":"))
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s/%s, %s, %s. Client, server and Redis share them. Medians, with the lowest and the highest.",
		runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, strings.Replace(runtime.Version(), "go", "Go ", 1), redisVersion(ctx))
}

var redisSays = regexp.MustCompile(`v=(\S+)`)

// redisVersion is that of the redis-server that is started.
func redisVersion(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if m := redisSays.FindSubmatch(text); err == nil && m != nil {
		return "Redis " + string(m[1])
	}
	return "a Redis of unknown version"
}
