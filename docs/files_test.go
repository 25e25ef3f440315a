package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/accounts"
	"sluice/internal/campaign"
	"sluice/internal/config"
	"sluice/internal/sender/innopaas"
	"sluice/internal/sender/nxcloud"
)

var (
	yamlBlock  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	secretFile = regexp.MustCompile(`_file: (\S+)`)
	word       = regexp.MustCompile(`[a-z_]+`)
)

// Whoever reads such files takes every YAML block of docs/files.md, and the
// document shows and names every key there is.
func TestFilesAreAsWritten(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/files.md")
	senders, shown, kinds := config.Senders{}, map[string]bool{}, map[string]bool{}
	blocks := yamlBlock.FindAllStringSubmatch(text, -1)
	for _, m := range blocks {
		if strings.HasPrefix(m[1], "senders:") {
			maps.Copy(senders, loadSenders(t, m[1]))
		}
	}
	for _, s := range senders {
		own := settings(s.Provider)
		if err := s.Own.Decode(own); err != nil {
			t.Fatal(err)
		}
		show(shown, reflect.ValueOf(s.Limits))
		show(shown, reflect.ValueOf(own))
	}
	for _, m := range blocks {
		if strings.HasPrefix(m[1], "senders:") {
			continue
		}
		f := compileCampaign(t, senders, m[1])
		show(shown, reflect.ValueOf(*f))
		kind := senders[f.Sender].Provider + " " + f.Message.Type
		if f.Message.Interactive != nil {
			kind += " " + f.Message.Interactive.Type
		}
		kinds[kind] = true
	}
	for _, kind := range []string{
		"nxcloud template", "innopaas template", "innopaas text", "innopaas image", "innopaas video", "innopaas audio", "innopaas document",
		"innopaas sticker", "innopaas location", "innopaas contacts", "innopaas interactive list", "innopaas interactive button",
		"innopaas interactive product", "innopaas interactive product_list",
	} {
		if !kinds[kind] {
			t.Errorf("docs/files.md has no example of %s", kind)
		}
	}
	named := map[string]bool{}
	for _, m := range inlined.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		for _, w := range word.FindAllString(m[1], -1) {
			named[w] = true
		}
	}
	all := map[string]string{}
	keys(all, reflect.TypeFor[config.Limits]())
	keys(all, reflect.TypeFor[nxcloud.Options]())
	keys(all, reflect.TypeFor[nxcloud.MTOptions]())
	keys(all, reflect.TypeFor[innopaas.Options]())
	keys(all, reflect.TypeFor[campaign.File]())
	for _, of := range []reflect.Type{reflect.TypeFor[nxcloud.Options](), reflect.TypeFor[nxcloud.MTOptions](), reflect.TypeFor[innopaas.Options]()} {
		for i := range of.NumField() {
			if key := of.Field(i).Tag.Get("file"); key != "" && !named[key] {
				t.Errorf("docs/files.md does not speak of the key %s", key)
			}
		}
	}
	for path, key := range all {
		if !shown[path] {
			t.Errorf("docs/files.md has no example with the key %s (%s)", key, path)
		}
		if !named[key] && !strings.HasPrefix(path, "Contact") {
			t.Errorf("docs/files.md does not speak of the key %s (%s)", key, path)
		}
	}
}

// settings are what a provider's own settings are decoded into.
func settings(provider string) any {
	switch provider {
	case "nxcloud":
		return &nxcloud.Options{}
	case "nxcloud-mt":
		return &nxcloud.MTOptions{}
	}
	return &innopaas.Options{}
}

// loadSenders reads a senders file, whose variables and secrets are there, and
// opens each sender.
func loadSenders(t *testing.T, text string) config.Senders {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "senders.yaml")
	files := map[string]string{path: text}
	for _, m := range secretFile.FindAllStringSubmatch(text, -1) {
		files[filepath.Join(dir, m[1])] = "a-secret"
	}
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	senders, err := accounts.Providers().Load(path, func(string) string { return "a-value" })
	if err != nil {
		t.Fatalf("docs/files.md: %v\n%s", err, text)
	}
	for _, s := range senders {
		if _, err := accounts.Providers().Open(s, time.Now); err != nil {
			t.Errorf("docs/files.md: %v\n%s", err, text)
		}
	}
	return senders
}

// compileCampaign reads a campaign file, of which a block may show sender and
// message alone, and has its sender's provider compile the message.
func compileCampaign(t *testing.T, senders config.Senders, text string) *campaign.File {
	t.Helper()
	if !strings.HasPrefix(text, "id:") {
		text = "id: example\nrecipients: {file: list.csv}\n" + text
	}
	f, err := campaign.Parse([]byte(text), "campaign.yaml")
	if err != nil {
		t.Fatalf("docs/files.md: %v\n%s", err, text)
	}
	s, err := senders.Get(f.Sender)
	if err != nil {
		t.Fatalf("docs/files.md: %v\n%s", err, text)
	}
	p, err := accounts.Providers().Open(s, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := f.Message.Columns()
	if err == nil {
		_, err = p.Compile(f.Message, columns)
	}
	if err != nil {
		t.Errorf("docs/files.md: %v\n%s", err, text)
	}
	return f
}
