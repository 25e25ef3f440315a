package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sluice/internal/accounts"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/desk"
	"sluice/internal/dispatch"
	"sluice/internal/ledger"
	"sluice/internal/ratelimit"
	"sluice/internal/sandbox"
	"sluice/internal/schema"
	"sluice/internal/worker"
)

const usage = `usage: demo [--stay] [LIST.csv]

Runs Sluice's main job in this one process, on an embedded Redis and the sandbox
providers: imports a list into two campaigns, sends them, takes their receipts, and
says what became of every row. Without a list of your own it makes one of 10,000 rows, with troubles.
With --stay it then serves the page, with campaigns that run, until it is interrupted.
`

// errReal is why the demo has no way to a real provider.
var errReal = errors.New("the demo speaks to the sandbox alone: its Redis lives in memory and forgets whom it has sent to, so a second run would send to real people twice; for real sending start redis-server, worker and producer as the README says")

// A demo is the parts of Sluice in one process.
type demo struct {
	out       io.Writer
	rdb       *redis.Client
	desk      *desk.Desk
	ledger    *ledger.Ledger
	campaigns *campaign.Store
	sandbox   *sandbox.Sandbox
	senders   config.Senders
	dir       string
}

// run is the program.
func run(ctx context.Context, args []string, getenv func(string) string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stdout, usage) }
	stay := flags.Bool("stay", false, "serve the page afterwards, with campaigns that run")
	addr := flags.String("addr", pageAddr, "where")
	real := flags.String("senders", "", "refused: the demo speaks to the sandbox alone")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *real != "" || getenv("SLUICE_SENDERS") != "" || getenv("SLUICE_REDIS_URL") != "" || strings.HasSuffix(flags.Arg(0), ".yaml") {
		return errReal
	}
	dir, err := os.MkdirTemp("", "sluice-demo-*")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	list := flags.Arg(0)
	if list == "" {
		list = filepath.Join(dir, "recipients.csv")
		if err := os.WriteFile(list, sample(1), 0o600); err != nil {
			return fmt.Errorf("writing the sample list: %w", err)
		}
	}
	rdb, stopRedis, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer stopRedis()
	if err := schema.Check(ctx, rdb); err != nil {
		return err
	}
	d := &demo{
		out: stdout, rdb: rdb, dir: dir, ledger: ledger.New(rdb, time.Now), campaigns: campaign.NewStore(rdb, time.Now),
		sandbox: sandbox.New(sandbox.Options{Faults: faults(), Latency: 2 * time.Millisecond, Seed: 1}),
	}
	d.desk = desk.New(desk.Options{Redis: rdb, Open: d.openSender, Now: time.Now})
	stopSandbox, err := d.startSandbox()
	if err != nil {
		return err
	}
	defer stopSandbox()
	stopReceiver, err := d.startReceiver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopReceiver()) }()
	if err := d.show(ctx, list, flags.Arg(0) == ""); err != nil {
		return err
	}
	if !*stay {
		_, err := fmt.Fprintf(stdout, "\nThe page, with campaigns that run: make demo ARGS=--stay, at http://%s\n", *addr)
		return err
	}
	return d.stay(ctx, *addr)
}

// faults are the troubles that the sandbox makes, so that the demo has something
// to show.
func faults() []sandbox.Fault {
	return []sandbox.Fault{
		{Provider: "nxcloud", Suffix: "77", Code: "22091"},               // not on WhatsApp
		{Provider: "nxcloud", Every: 40, Times: 2, Code: "22041"},        // fails twice
		{Provider: "nxcloud", Suffix: "500", Do: sandbox.CutAfter},       // taken, never answered
		{Provider: "innopaas", Count: 1, Status: 503, Body: "try again"}, // one outage of a moment
		{Provider: "innopaas", Count: 1, Do: sandbox.CutAfter},           // taken, never answered: its receipts tell
	}
}

// startSandbox serves the sandbox and writes the senders file for it.
func (d *demo) startSandbox() (func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	srv := &http.Server{Handler: d.sandbox, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(d.out, "the sandbox has ended:", err)
		}
	}()
	path := filepath.Join(d.dir, "senders.yaml")
	receipts := "receipts: {secret: " + receiptSecret + "}"
	text := sandbox.SendersFile("http://"+l.Addr().String(),
		[]string{"limits: {in_flight: 64}", receipts}, // and no pace: as fast as this machine is
		[]string{"limits: {messages_per_second: 4000}", receipts})
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the senders file: %w", err)
	}
	d.senders, err = accounts.Providers().Load(path, func(string) string { return "" })
	return func() { srv.Close() }, err
}

// show runs the whole job and prints it.
func (d *demo) show(ctx context.Context, list string, sampled bool) error {
	p := &printer{w: d.out}
	if sampled {
		p.printf("A list of %d rows, with the troubles of real ones, goes to two campaigns.\n\n", sampleRows)
	}
	files, err := d.files(list, sampled)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := d.load(ctx, f, p); err != nil {
			return err
		}
	}
	if err := d.send(ctx, files); err != nil {
		return err
	}
	if err := d.awaitReceipts(ctx, files); err != nil {
		return err
	}
	accountedFor := true
	for _, f := range files {
		st, err := d.desk.Status(ctx, f.file.ID)
		if err != nil {
			return err
		}
		printAccount(p, st)
		ok, err := d.compare(ctx, f.file, st, p)
		if err != nil {
			return err
		}
		accountedFor = accountedFor && ok
	}
	if err := d.firstLines(ctx, files[0].file, p); err != nil {
		return err
	}
	p.printf("%s", whatNext)
	if p.err == nil && !accountedFor {
		return errors.New("the sandbox's log and the ledger do not agree")
	}
	return p.err
}

// openSender opens one of the sandbox's senders for the desk.
func (d *demo) openSender(name string) (*desk.Sender, error) {
	s, err := d.senders.Get(name)
	if err != nil {
		return nil, err
	}
	provider, err := accounts.Providers().Open(s, time.Now)
	if err != nil {
		return nil, err
	}
	ask := accounts.Asker{Provider: provider, Name: name}
	return &desk.Sender{
		Provider: provider, Name: name, Kind: s.Provider, Limits: accounts.Limits(s),
		Preflight: ask.Preflight, TemplateText: ask.TemplateText,
	}, nil
}

// mostReasons is how many reasons for invalid rows the demo shows.
const mostReasons = 3

// load imports one campaign and prints its plan.
func (d *demo) load(ctx context.Context, f demoFile, p *printer) error {
	prepared, err := d.desk.Prepare(desk.Order{Text: f.raw, Name: "demo.yaml", Lists: []string{f.list}, SkipPreflight: true})
	if err != nil {
		return err
	}
	defer prepared.Close()
	launched, err := d.desk.Launch(ctx, prepared)
	if err != nil {
		return err
	}
	plan := launched.Counts
	p.printf("%s: %d rows = %d recipients + %d invalid + %d duplicate, in %d batches\n",
		f.file.ID, plan.Rows, plan.Recipients, plan.Invalid, plan.Duplicate, plan.Tasks)
	for _, r := range launched.Reasons[:min(mostReasons, len(launched.Reasons))] {
		p.printf("    %d invalid, the first in line %d: %s\n", r.Rows, r.Lines[0], r.Reason)
	}
	return p.err
}

// send runs a worker until every campaign is finished.
func (d *demo) send(ctx context.Context, files []demoFile) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.worker().Run(ctx) }()
	err := d.watch(ctx, files)
	cancel()
	return errors.Join(err, <-ended)
}

// worker makes a worker for the demo's senders.
func (d *demo) worker() *worker.Worker {
	limiter := ratelimit.New(d.rdb, ratelimit.Options{Worker: "demo", Log: zerolog.Nop()})
	return worker.New(worker.Options{
		ID: "demo", Redis: d.rdb, Ledger: d.ledger, Campaigns: d.campaigns, Log: zerolog.Nop(), Now: time.Now,
		Backoff: dispatch.Backoff{Base: 200 * time.Millisecond, Max: time.Second},
		Account: func(name string) (*worker.Account, error) {
			s := d.senders[name]
			provider, err := accounts.Providers().Open(s, time.Now)
			if err != nil {
				return nil, err
			}
			return &worker.Account{Provider: provider, InFlight: s.Limits.InFlight, Pace: limiter.Sender(name, accounts.Limits(s))}, nil
		},
	})
}
