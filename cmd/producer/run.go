package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"sluice/internal/accounts"
	"sluice/internal/audit"
	"sluice/internal/config"
	"sluice/internal/desk"
	"sluice/internal/jobs"
	"sluice/internal/ledger"
	"sluice/internal/progress"
	"sluice/internal/schema"
)

// commands are the program's commands and flags; a flag beats the environment.
type commands struct {
	Version kong.VersionFlag `help:"Print the version."`

	RedisURL    string `help:"Redis that holds the campaigns: redis://, rediss://, redis-sentinel:// or redis-cluster://." env:"SLUICE_REDIS_URL" default:"redis://127.0.0.1:6379/0" placeholder:"URL"`
	QueuePrefix string `help:"What the names of this Redis' queues begin with, the same for every program: other applications may have queues there." env:"SLUICE_QUEUE_PREFIX" default:"${queue_prefix}" placeholder:"PREFIX"`
	Senders     string `help:"The senders file." env:"SLUICE_SENDERS" default:"${senders}" placeholder:"FILE"`
	LogLevel    string `help:"debug, info, warn or error." env:"SLUICE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL"`
	LogFormat   string `help:"json or console; logs go to standard error." env:"SLUICE_LOG_FORMAT" default:"console" enum:"json,console" placeholder:"FORMAT"`

	Send        sendCommand        `cmd:"" help:"Import a campaign's recipients, enqueue them in batches, and launch it. Safe to run again: an import goes on where it ended, and a finished one is a no-op."`
	Preview     previewCommand     `cmd:"" help:"Show the message as a row of the list gets it: its fields, the provider's request, and the template's own text."`
	Test        testCommand        `cmd:"" help:"Send one message of a campaign to a number of your own, as a row of the list would get it, and say what became of it. The campaign's id stays free."`
	Status      statusCommand      `cmd:"" help:"Say where every row of a campaign is."`
	Export      exportCommand      `cmd:"" help:"Write what became of every row, in the order of the input."`
	Find        findCommand        `cmd:"" help:"Say what a number got, in every campaign whose rows are kept, and whether it is suppressed."`
	Workers     workersCommand     `cmd:"" help:"List the workers that are alive, and what each does."`
	List        listCommand        `cmd:"" help:"List the campaigns that there are."`
	Set         setCommand         `cmd:"" help:"Change a campaign's pace, priority, window, start or attempts; it holds on all workers within a second."`
	Amend       amendCommand       `cmd:"" help:"Give a paused or halted campaign a corrected message, for those who are still to get it."`
	Pause       pauseCommand       `cmd:"" help:"Stop submitting a campaign until it is resumed. Holds everywhere within a second; what is in flight is recorded."`
	Resume      resumeCommand      `cmd:"" help:"Go on with a paused or halted campaign, exactly where it stopped."`
	Resolve     resolveCommand     `cmd:"" help:"Say what became of the recipients in doubt, after asking the provider."`
	Verify      verifyCommand      `cmd:"" help:"Replay every journal of a campaign, compare plan, totals, queue and ledger, and repair what follows from the rest. Safe while the campaign runs."`
	Receipts    receiptsCommand    `cmd:"" help:"Apply receipts again that a receiver has kept."`
	Templates   templatesCommand   `cmd:"" help:"List the message templates of a sender's account."`
	Suppress    suppressCommand    `cmd:"" help:"Keep the list of numbers that get no message."`
	Schema      schemaCommand      `cmd:"" help:"Print the JSON Schema of what a command prints, or of a file that it reads."`
	Monitor     monitorCommand     `cmd:"" help:"Serve the queue's web UI (asynqmon), read-only unless told otherwise."`
	Serve       serveCommand       `cmd:"" help:"Serve the page, on which people see and steer campaigns, and the HTTP API, by which programs do. Any number may serve one Redis."`
	Doctor      doctorCommand      `cmd:"" help:"Look for everything that would keep messages from going out, before the first one and after an upgrade, and say what to do."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the producer that serves the API whether it can answer, and end with 0 or 1: for containers, which have no shell."`
	Token       tokenCommand       `cmd:"" help:"Keep the tokens of those who use the HTTP API."`
	Audit       auditCommand       `cmd:"" help:"Say who did what: each act that changed something or was refused, by whom, and what came of it."`
	Cancel      cancelCommand      `cmd:"" help:"End a campaign for good. What was not submitted stays unsent and counts as cancelled."`
}

// defaultSenders is the senders file where none is named.
const defaultSenders = "senders.yaml"

// app is what the commands work with.
type app struct {
	streams
	*commands
	ctx       context.Context
	getenv    func(string) string
	now       func() time.Time
	providers accounts.Table
	redis     redis.UniversalClient // nil before connect
	desk      *desk.Desk            // without Redis, before connect
}

// run is the program. Wrong usage is a *usageError, an invalid file
// a *desk.InvalidError.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c commands
	helped := false
	parser, err := kong.New(&c,
		kong.Name("producer"),
		kong.Description("Sluice's producer: from a CSV to every message_id, and the account of every row."),
		kong.Vars{"queue_prefix": jobs.DefaultPrefix, "senders": defaultSenders},
		kong.Writers(stdout, stderr),
		kong.Vars{"version": version()},
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(environment(getenv)),
		kong.ValueFormatter(config.FlagHelp),
	)
	if err != nil {
		return fmt.Errorf("building the command line: %w", err)
	}
	k, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return &usageError{fmt.Errorf("%w; see producer --help", err)}
	}
	a := &app{streams: streams{stdin, stdout, stderr}, commands: &c, ctx: ctx, getenv: getenv, now: time.Now, providers: accounts.Providers()}
	a.desk = desk.New(desk.Options{Open: a.openSender, Now: a.now})
	defer a.close()
	return k.Run(a)
}

// environment resolves flags from getenv, so that tests hand it in. Kong's own
// look at the process's environment is the same list.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if v := getenv(name); v != "" {
				return v, nil
			}
		}
		return nil, nil //nolint:nilnil // kong's way to say that nothing is set
	})
}

// startWithin is how long Redis may take to answer the first question.
const startWithin = 5 * time.Second

// connect opens Redis and checks that it can be trusted with a campaign.
func (a *app) connect() error {
	if err := a.openRedis(); err != nil {
		return err
	}
	rdb := a.redis
	// The client rides over short outages; at the start, none is to be waited for.
	ctx, cancel := context.WithTimeout(a.ctx, startWithin)
	defer cancel()
	err := a.desk.CheckRedis(ctx)
	if errors.Is(err, ledger.ErrUncheckable) {
		fmt.Fprintln(a.err, "producer: warning:", err)
		err = nil
	}
	if err == nil {
		err = schema.Check(ctx, rdb)
	}
	if err == nil {
		err = jobs.CheckPrefix(ctx, rdb, a.QueuePrefix)
	}
	if errors.Is(err, jobs.ErrPrefix) {
		return &usageError{fmt.Errorf("--queue-prefix: %w", err)}
	}
	return config.RedisAway(err, a.RedisURL)
}

func (a *app) openRedis() error {
	rdb, err := config.OpenRedis(a.RedisURL)
	if err != nil {
		return &usageError{fmt.Errorf("--redis-url: %w", err)}
	}
	a.redis = rdb
	a.desk = desk.New(desk.Options{Redis: rdb, QueuePrefix: a.QueuePrefix, Open: a.openSender, Now: a.now, By: audit.Actor{Kind: "cli", Name: whoami()}})
	return nil
}

// askWithin is startWithin where the command goes on without Redis.
const askWithin = 2 * time.Second

// connectToRead opens Redis for questions alone, and writes nothing there. Where no
// Redis of ours answers, the desk stays without one, and the error says why.
func (a *app) connectToRead() error {
	without := a.desk
	if err := a.openRedis(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, askWithin)
	defer cancel()
	if _, err := schema.Used(ctx, a.redis); err != nil {
		a.desk = without
		return config.RedisAway(err, a.RedisURL)
	}
	return nil
}

// colour is that of what goes to standard output.
func (a *app) colour() progress.Colour { return progress.ColourOf(a.out, a.getenv) }

func (a *app) close() {
	if a.redis != nil {
		a.redis.Close()
	}
}

// version is that of the program as it was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
