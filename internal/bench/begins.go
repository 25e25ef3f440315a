package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// smallCampaigns of smallRows are created in beginsIn.
	smallCampaigns = 1000
	smallRows      = 100
	beginsIn       = time.Minute
	// beginsRate is each sender's messages a second: what the small ones need, and some.
	beginsRate = 800
)

// largeCampaign fits a template that the sandbox has: one that it has not would halt it.
const largeCampaign = `id: large
sender: nx0
priority: low
message: {type: template, template: {name: order_update, language: en_US, body: ["{{first_name}}"]}}
recipients: {file: list.csv}
`

const threeSenders = `  nx%[2]d: {provider: nxcloud, base_url: "%[1]s", template_base_url: "%[1]s", tenant_id: 1, appkey: sandbox-app, business_phone: "8615800001795", access_key: sandbox-key, access_secret: sandbox-secret, limits: {messages_per_second: %[3]d}}
`

// begins measures how long small campaigns wait for their first submission, while a
// large one of one of their senders is sent.
func (b *bench) begins(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "messages_per_second: 800")
	if err != nil {
		return err
	}
	defer s.close()
	text := "senders:\n"
	for i := range 3 {
		text += fmt.Sprintf(threeSenders, s.sandbox, i, beginsRate)
	}
	if err := s.write("senders.yaml", text); err != nil {
		return err
	}
	if err := s.list(b.rows); err != nil {
		return err
	}
	if err := s.write("large.yaml", largeCampaign); err != nil {
		return err
	}
	a, err := s.serveAPI(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.worker(ctx); err != nil {
			return err
		}
	}
	if _, _, err := s.producer(ctx, "send", "large.yaml", "--no-preflight"); err != nil {
		return err
	}
	launched, err := a.launchMany(ctx)
	if err != nil {
		return err
	}
	var imports, waits []time.Duration
	for i, at := range launched {
		if i%40 == 39 {
			if a.token, err = s.newToken(ctx); err != nil {
				return err
			}
		}
		id := fmt.Sprintf("small-%d", i)
		if err := s.awaitFinished(ctx, id); err != nil {
			return err
		}
		first, err := a.firstSubmission(ctx, id)
		if err != nil {
			return err
		}
		started, err := s.redis.HGet(ctx, "sluice:{"+id+"}", "started_at").Int64()
		if err != nil {
			return fmt.Errorf("asking Redis: %w", err)
		}
		imports, waits = append(imports, time.UnixMilli(started).Sub(at)), append(waits, first.Sub(at))
	}
	slices.Sort(imports)
	slices.Sort(waits)
	line := func(text string, share int) {
		n := (len(waits) - 1) * share / 1000
		fmt.Fprintf(w, "| %s | %.2f | %.2f |\n", text, imports[n].Seconds(), waits[n].Seconds())
	}
	late := 0
	for _, d := range waits {
		if d > 2*time.Second {
			late++
		}
	}
	rest := "was being sent all the while"
	if state := s.redis.HGet(ctx, "sluice:{large}", "state").Val(); state != "running" {
		rest = "was " + state + " at the end"
	}
	fmt.Fprintf(w, "%d campaigns of %d recipients on three senders of %d messages a second, each created and launched in one call, in %s; one of %d recipients of one of the senders %s. Two workers.\n\n",
		smallCampaigns, smallRows, beginsRate, beginsIn, b.rows, rest)
	fmt.Fprint(w, "| seconds from the answer to | the end of its import | its first submission |\n|---|---|---|\n")
	line("half of them", 500)
	line("99 of 100", 990)
	line("all", 1000)
	fmt.Fprintf(w, "\n%d of %d later than 2 s.\n\n", late, len(waits))
	return nil
}

// launchMany creates and launches the small campaigns evenly over their time, and
// says when each was answered.
func (a *apiSite) launchMany(ctx context.Context) ([]time.Time, error) {
	launched := make([]time.Time, smallCampaigns)
	var rows strings.Builder
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(64)
	tick := time.NewTicker(beginsIn / smallCampaigns)
	defer tick.Stop()
	var mu sync.Mutex
	for i := range smallCampaigns {
		rows.Reset()
		for k := range smallRows {
			fmt.Fprintf(&rows, `,{"phone":"+55119%08d","name":"Ana"}`, 10_000_000+i*smallRows+k)
		}
		body := fmt.Sprintf(`{"id":"small-%d","sender":"nx%d","priority":"high","message":{"type":"template","template":{"name":"order_update","language":"en_US","body":["{{name}}"]}},"recipients":{"rows":[%s]}}`, i, i%3, rows.String()[1:])
		select {
		case <-tick.C:
		case <-asking.Done():
			return nil, g.Wait()
		}
		g.Go(func() error {
			err := a.insist(asking, body)
			mu.Lock()
			defer mu.Unlock()
			launched[i] = time.Now()
			return err
		})
	}
	return launched, g.Wait()
}

// insist launches until it is done, as a program does that is told to ask again.
func (a *apiSite) insist(ctx context.Context, body string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for try := 1; ; try++ {
		err := a.do(ctx, http.MethodPost, "/v1/campaigns?launch=true&preflight=false", strings.NewReader(body), "Content-Type", "application/json")
		if err == nil || try == 50 || ctx.Err() != nil {
			return err
		}
		<-tick.C
	}
}

// firstSubmission is when anybody of a campaign was first submitted.
func (a *apiSite) firstSubmission(ctx context.Context, id string) (first time.Time, err error) {
	resp, err := a.ask(ctx, http.MethodGet, "/v1/campaigns/"+id+"/recipients", http.NoBody)
	if err != nil {
		return first, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var row struct {
			SubmittedAt time.Time `json:"submitted_at"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return first, err
		}
		if first.IsZero() || row.SubmittedAt.Before(first) {
			first = row.SubmittedAt
		}
	}
	return first, lines.Err()
}
