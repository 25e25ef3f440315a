// Command sandbox acts as both providers, for trying things out and for tests.
// It never passes anything on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"sluice/internal/program"
	"sluice/internal/sandbox"
)

func main() {
	os.Exit(program.Main("sandbox", run))
}

type flags struct {
	Addr         string        `help:"Where to listen; port 0 is one that the system gives." default:"127.0.0.1:8099" env:"SLUICE_SANDBOX_ADDR" placeholder:"ADDR"`
	Script       string        `help:"A script of faults (YAML)." placeholder:"FILE"`
	Latency      time.Duration `help:"How long every answer takes." default:"0s"`
	Seed         uint64        `help:"Of faults that strike by chance." default:"1"`
	CountOnly    bool          `help:"Check nothing, only count: for benchmarks."`
	Log          string        `help:"Write every arrival to this file, one JSON object a line." placeholder:"FILE"`
	PrintSenders bool          `help:"Print a senders file for this sandbox, and end."`
}

const description = `Acts as nxcloud and innopaas on one port, from their documents: checks headers,
signatures, shapes and limits, and answers as they do.

GET /_sandbox/report says what arrived; POST /_sandbox/faults takes a script such as

  faults:
    - {suffix: "7", code: "22091"}               # every number that ends in 7 is not on WhatsApp
    - {every: 50, times: 2, status: 503}         # one in 50 fails twice
    - {rate: 0.01, do: unanswered}               # one in a hundred is taken and never answered`

// run is the program. It serves until ctx ends, and then prints its report.
func run(ctx context.Context, args []string, _ func(string) string, _ io.Reader, stdout, stderr io.Writer) error {
	var f flags
	_, over, err := program.Parse("sandbox", description, &f, args, stdout, stderr)
	if err != nil || over {
		return err
	}
	if f.PrintSenders {
		_, err := fmt.Fprint(stdout, sandbox.SendersFile("http://"+f.Addr,
			[]string{"limits: {messages_per_second: 500}"}, []string{"limits: {messages_per_second: 5000}"}))
		return err
	}
	o := sandbox.Options{Latency: f.Latency, Seed: f.Seed, CountOnly: f.CountOnly}
	if f.Script != "" {
		text, err := os.ReadFile(f.Script)
		if err != nil {
			return &program.UsageError{Err: fmt.Errorf("--script: %w", err)}
		}
		if o.Faults, err = sandbox.ParseFaults(text); err != nil {
			return &program.UsageError{Err: fmt.Errorf("%s: %w", f.Script, err)}
		}
	}
	if f.Log != "" {
		file, err := os.Create(f.Log)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		defer file.Close()
		o.Log = file
	}
	return serve(ctx, f.Addr, sandbox.New(o), stdout)
}

func serve(ctx context.Context, addr string, s *sandbox.Sandbox, stdout io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	fmt.Fprintf(stdout, "sandbox listening on http://%s\n", l.Addr())
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	e := json.NewEncoder(stdout)
	e.SetIndent("", "  ")
	return e.Encode(s.Report())
}
