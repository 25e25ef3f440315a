package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/campaign"
	"sluice/internal/redistest"
	"sluice/internal/schema"
)

// An operator is a person with a folder of files and a Redis of their own.
type operator struct {
	t         *testing.T
	ctx       context.Context
	dir       string
	url       string
	rdb       *redis.Client
	campaigns *campaign.Store
	stdin     string // of what is run next
}

// sendersText is a senders file whose provider nobody can reach.
const sendersText = `senders:
  promo:
    provider: nxcloud
    base_url: http://127.0.0.1:1
    template_base_url: http://127.0.0.1:1
    tenant_id: 1
    appkey: a
    business_phone: "8615800001795"
    access_key: k
    access_secret: s
    timeout: 1s
`

// newOperator writes a list, and a senders file whose provider nobody can reach.
func newOperator(t *testing.T) *operator {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	server := redistest.New(t)
	d := &operator{t: t, ctx: ctx, dir: t.TempDir(), url: server.URL(), rdb: server.Client(t)}
	d.campaigns = campaign.NewStore(d.rdb, time.Now)
	if err := schema.Check(ctx, d.rdb); err != nil { // as the first program would
		t.Fatal(err)
	}
	d.file("senders.yaml", sendersText)
	d.file("list.csv", "phone,name\n5511987654321,Ana\n5511987654322,Bia\n123,nobody\n")
	return d
}

func (d *operator) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *operator) text(path string) string {
	d.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// campaign writes a campaign file with further lines.
func (d *operator) campaign(id, more string) string {
	d.t.Helper()
	return d.file(id+".yaml", fmt.Sprintf(`id: %s
sender: promo
message: {type: template, template: {name: order_update, language: en_US, body: ["{{name}}"]}}
recipients: {file: list.csv}
%s
`, id, more))
}

// create makes a campaign's record, as an import does that is killed at once, and
// returns its file's text.
func (d *operator) create(id string) (text string) {
	d.t.Helper()
	name := d.campaign(id, "")
	raw, err := os.ReadFile(name)
	if err != nil {
		d.t.Fatal(err)
	}
	f, err := campaign.Parse(raw, name)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.campaigns.Create(d.ctx, raw, f); err != nil {
		d.t.Fatal(err)
	}
	return string(raw)
}

// run runs a command and returns what it said, on both streams, and its exit code.
func (d *operator) run(args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	return d.runWith(d.ctx, args...)
}

func (d *operator) runWith(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	env := map[string]string{"SLUICE_REDIS_URL": d.url, "SLUICE_SENDERS": filepath.Join(d.dir, "senders.yaml")}
	var out, errs bytes.Buffer
	err := run(ctx, args, func(name string) string { return env[name] }, strings.NewReader(d.stdin), &out, &errs)
	printError(&errs, err, wantsJSON(args))
	return out.String(), errs.String(), exitCode(err)
}

// must is run for a command that is to succeed.
func (d *operator) must(args ...string) (stdout string) {
	d.t.Helper()
	stdout, stderr, code := d.run(args...)
	if code != 0 {
		d.t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}
