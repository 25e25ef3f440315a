package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// An apiSite is a site whose campaigns come over HTTP.
type apiSite struct {
	*site
	url, token string
	serve      int // the process' id
}

// serveAPI starts `producer serve` on a site.
func (s *site) serveAPI(ctx context.Context) (*apiSite, error) {
	out, err := s.start(ctx, filepath.Join(s.b.dir, "producer"), "serve", "--addr", "127.0.0.1:0", "--log-level", "error")
	if err != nil {
		return nil, err
	}
	a := &apiSite{site: s, serve: s.procs[len(s.procs)-1].Process.Pid}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("starting serve: %w", err)
	}
	a.url = regexp.MustCompile(`http://127\S+`).FindString(line)
	a.token, err = s.newToken(ctx)
	return a, err
}

// ask makes a request; its answer is to be closed.
func (a *apiSite) ask(ctx context.Context, method, path string, body io.Reader, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		resp.Body.Close()
		return nil, fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// do is ask with its answer read.
func (a *apiSite) do(ctx context.Context, method, path string, body io.Reader, header ...string) error {
	resp, err := a.ask(ctx, method, path, body, header...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

const apiDraft = `{"id":%q,"sender":%q,"message":{"type":"template","template":{"name":"spring_sale","language":"pt_BR","body":["{{first_name}}","{{discount}}","{{code}}"]}},"start_at":"2099-01-01T00:00:00Z"}`

// api measures the way over HTTP beside that of the command line.
func (b *bench) api(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "in_flight: 256", "--count-only")
	if err != nil {
		return err
	}
	defer s.close()
	a, err := s.serveAPI(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(s.list(b.list), gzipped(filepath.Join(s.dir, "list.csv"))); err != nil {
		return err
	}
	var sent, uploaded, up, exported, streamed, down spread
	rows := float64(b.list)
	for i := range b.pairs {
		if err := s.redis.FlushAll(ctx).Err(); err != nil {
			return err
		}
		if a.token, err = s.newToken(ctx); err != nil {
			return err
		}
		byFile, byAPI := fmt.Sprintf("file-%d", i), fmt.Sprintf("api-%d", i)
		if err := s.campaign(byFile, "nx", "list.csv.gz", "start_at: 2099-01-01T00:00:00Z"); err != nil {
			return err
		}
		x, _, err := s.producer(ctx, "send", byFile+".yaml", "--no-preflight")
		if err != nil {
			return err
		}
		y, err := a.upload(ctx, byAPI)
		if err != nil {
			return err
		}
		sent, uploaded, up = append(sent, rows/x.Seconds()), append(uploaded, rows/y.Seconds()), append(up, x.Seconds()/y.Seconds())
		if x, _, err = s.producer(ctx, "export", byFile, "--format", "ndjson", "-o", "out.ndjson"); err != nil {
			return err
		}
		if y, err = a.export(ctx, byAPI); err != nil {
			return err
		}
		exported, streamed, down = append(exported, rows/x.Seconds()), append(streamed, rows/y.Seconds()), append(down, x.Seconds()/y.Seconds())
	}
	most, err := peakOf(a.serve)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## The API\n\n%d rows with three variables, packed with gzip; one part. %d pairs in turn.\n\n", b.list, b.pairs)
	fmt.Fprint(w, "| what | command line | API | ratio |\n|---|---|---|---|\n")
	fmt.Fprintf(w, "| import, rows a second: `producer send`; upload, launch and import | %s | %s | %s |\n", sent.text("%.0f"), uploaded.text("%.0f"), up.text("%.2f"))
	fmt.Fprintf(w, "| export as NDJSON to a file, rows a second | %s | %s | %s |\n\n", exported.text("%.0f"), streamed.text("%.0f"), down.text("%.2f"))
	fmt.Fprintf(w, "Most memory of serve in all that: %.0f MiB.\n\n", most)
	return b.streams(ctx, w)
}

// newToken makes a token.
func (s *site) newToken(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.b.dir, "producer"), "token", "create", "bench", "--scopes", "read,write,send,pii")
	cmd.Dir, cmd.Env = s.dir, s.env()
	text, err := cmd.Output()
	return strings.TrimSpace(string(text)), err
}

// gzipped packs a file beside itself.
func gzipped(path string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(path + ".gz")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	z, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, from); err != nil {
		return err
	}
	return z.Close()
}

// upload is how long it takes until a campaign is imported.
func (a *apiSite) upload(ctx context.Context, id string) (time.Duration, error) {
	list, err := os.Open(filepath.Join(a.dir, "list.csv.gz"))
	if err != nil {
		return 0, err
	}
	defer list.Close()
	began := time.Now()
	if err := a.do(ctx, http.MethodPost, "/v1/campaigns", strings.NewReader(fmt.Sprintf(apiDraft, id, "nx"))); err != nil {
		return 0, err
	}
	if err := a.do(ctx, http.MethodPut, "/v1/campaigns/"+id+"/parts/1", list, "Content-Type", "text/csv", "Content-Encoding", "gzip"); err != nil {
		return 0, err
	}
	if err := a.do(ctx, http.MethodPost, "/v1/campaigns/"+id+"/launch", strings.NewReader(`{"preflight":false}`)); err != nil {
		return 0, err
	}
	for {
		state, err := a.redis.HGet(ctx, "sluice:{"+id+"}", "state").Result()
		if err != nil {
			return 0, err
		}
		if state != "importing" {
			return time.Since(began), nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// export is how long the whole stream takes into a file.
func (a *apiSite) export(ctx context.Context, id string) (took time.Duration, err error) {
	to, err := os.Create(filepath.Join(a.dir, "api.ndjson"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	began := time.Now()
	resp, err := a.ask(ctx, http.MethodGet, "/v1/campaigns/"+id+"/recipients", http.NoBody, "Accept-Encoding", "identity")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(to, resp.Body); err != nil {
		return 0, err
	}
	if resp.Trailer.Get("Sluice-Complete") != "true" {
		return 0, errors.New("the export is not whole")
	}
	return time.Since(began), nil
}

// streams measures event streams on which nothing happens.
func (b *bench) streams(ctx context.Context, w io.Writer) error {
	s, err := b.open(ctx, "in_flight: 64")
	if err != nil {
		return err
	}
	defer s.close()
	a, err := s.serveAPI(ctx)
	if err != nil {
		return err
	}
	if err := a.do(ctx, http.MethodPost, "/v1/campaigns", strings.NewReader(fmt.Sprintf(apiDraft, "quiet", "nx"))); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var bodies []io.Closer
	defer func() {
		for _, c := range bodies {
			c.Close()
		}
	}()
	listen := func(n int) error {
		for len(bodies) < n {
			if len(bodies)%40 == 39 { // a token may ask 50 times a second
				if a.token, err = s.newToken(ctx); err != nil {
					return err
				}
			}
			resp, err := a.ask(ctx, http.MethodGet, "/v1/campaigns/quiet/events", http.NoBody) //nolint:bodyclose // with all of them, at the end
			if err != nil {
				return err
			}
			bodies = append(bodies, resp.Body)
			if _, err := io.ReadFull(resp.Body, make([]byte, len("retry: "))); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprint(w, "Event streams on which nothing happens, each a connection of its own, of one campaign and one process.\n\n| streams | memory of serve, MiB | KiB a stream | Redis commands a second |\n|---|---|---|---|\n")
	before := 0.0
	for i, n := range []int{1, 1000, 9_500} {
		if err := listen(n); err != nil {
			return fmt.Errorf("%d streams: %w", len(bodies), err)
		}
		from, err := s.commands(ctx)
		if err != nil {
			return err
		}
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		to, err := s.commands(ctx)
		if err != nil {
			return err
		}
		rss, err := rssOf(a.serve)
		if err != nil {
			return err
		}
		each := ""
		if i == 0 {
			before = rss
		} else {
			each = fmt.Sprintf("%.0f", (rss-before)*1024/float64(n))
		}
		fmt.Fprintf(w, "| %d | %.0f | %s | %.1f |\n", n, rss, each, (to-from)/5)
	}
	fmt.Fprintln(w)
	return nil
}
