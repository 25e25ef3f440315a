package accounts

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/sender/innopaas"
	"sluice/internal/sender/nxcloud"
)

const (
	nx = `senders:
  promo-br:
    provider: nxcloud
    tenant_id: 1
    appkey: own-appkey
    business_phone: "8615800001795"
    access_key: own-access-key
    access_secret: ${NX_SECRET}
`
	inno = `senders:
  promo-id:
    provider: innopaas
    app_key: XFbZY1rt
    authorization: ${INNO_TOKEN}
    waba_id: "110000000000001"
    send_number: "8618900000000"
`
)

func environment(name string) string {
	return map[string]string{"NX_SECRET": marker, "INNO_TOKEN": marker + "2", "HOST": "127.0.0.1:8099"}[name]
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every setting there is reaches its provider's own.
func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "\n  "+marker+"\t\n")
	path := write(t, dir, "senders.yaml", nx+strings.TrimPrefix(inno, "senders:\n")+`  full-nx:
    provider: nxcloud
    base_url: http://${HOST}
    template_base_url: http://${HOST}/t
    tenant_id: 9
    appkey: k
    business_phone: 8615800001795
    access_key: a
    access_secret_file: secret
    algorithm: sha256
    timeout: 1m
    limits: {messages_per_second: 80, requests_per_second: 0.5, messages_per_day: 10000, in_flight: 7, max_burst_seconds: 2, max_pause_seconds: 60}
  full-inno:
    provider: innopaas
    app_key: k
    authorization_file: secret
    waba_id: w
    send_number: "8618900000000"
    endpoint: mmlite
    mmlite_path: /v3/mm
    success_codes: ["000000", "42"]
    partial_reject: split
    contact_arrays: false
    button_params: all
`)
	senders, err := Providers().Load(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	for name, want := range map[string]any{
		"promo-br": nxcloud.Options{TenantID: 1, AppKey: "own-appkey", BusinessPhone: "8615800001795", AccessKey: "own-access-key", AccessSecret: marker},
		"promo-id": innopaas.Options{AppKey: "XFbZY1rt", Authorization: marker + "2", WabaID: "110000000000001", SendNumber: "8618900000000"},
		"full-nx": nxcloud.Options{
			BaseURL: "http://127.0.0.1:8099", TemplateBaseURL: "http://127.0.0.1:8099/t", TenantID: 9, AppKey: "k", BusinessPhone: "8615800001795",
			AccessKey: "a", AccessSecret: marker, Algorithm: "sha256",
		},
		"full-inno": innopaas.Options{
			AppKey: "k", Authorization: marker, WabaID: "w", SendNumber: "8618900000000", Endpoint: "mmlite", MMLitePath: "/v3/mm",
			SuccessCodes: []string{"000000", "42"}, PartialReject: "split", ContactArrays: &no, ButtonParams: "all",
		},
	} {
		var got any
		switch want.(type) {
		case nxcloud.Options:
			var o nxcloud.Options
			err, got = senders[name].Own.Decode(&o), o
		case innopaas.Options:
			var o innopaas.Options
			err, got = senders[name].Own.Decode(&o), o
		}
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Each case is a file and what its error must begin with: line, sender, key.
func TestInvalidSettings(t *testing.T) {
	t.Parallel()
	line := func(base, field, text string) string {
		var out []string
		for l := range strings.Lines(base) {
			if strings.HasPrefix(strings.TrimSpace(l), field+":") {
				l = text
			}
			out = append(out, l)
		}
		return strings.Join(out, "")
	}
	tests := map[string]struct{ file, want string }{
		"unknown key":         {nx + "    acces_key: x\n", "9: senders.promo-br.acces_key: nxcloud has no such key"},
		"provider":            {line(nx, "provider", "    provider: twilio\n"), `3: senders.promo-br.provider: "twilio" is not one of`},
		"no provider":         {line(nx, "provider", ""), "2: senders.promo-br.provider: "},
		"tenant a text":       {line(nx, "tenant_id", "    tenant_id: "+marker+"\n"), "4: senders.promo-br.tenant_id: must be a number"},
		"tenant half":         {line(nx, "tenant_id", "    tenant_id: 1.5\n"), "4: senders.promo-br.tenant_id: must be a whole number"},
		"tenant huge":         {line(nx, "tenant_id", "    tenant_id: 99999999999999999999999\n"), "4: "},
		"tenant missing":      {line(nx, "tenant_id", ""), "2: senders.promo-br.tenant_id: must be a number above 0"},
		"appkey missing":      {line(nx, "appkey", ""), "2: senders.promo-br.appkey: is missing"},
		"appkey octal":        {line(nx, "appkey", "    appkey: 00123\n"), "5: senders.promo-br.appkey: would not be read as it is written"},
		"appkey loses a zero": {line(nx, "appkey", "    appkey: 1.10\n"), "5: senders.promo-br.appkey: would not be read as it is written"},
		"phone":               {line(nx, "business_phone", "    business_phone: \"+86158\"\n"), "6: senders.promo-br.business_phone: "},
		"access key missing":  {line(nx, "access_key", ""), "2: senders.promo-br.access_key: is missing"},
		"secret missing":      {line(nx, "access_secret", ""), "2: senders.promo-br.access_secret: is missing"},
		"secret a list":       {line(nx, "access_secret", "    access_secret: ["+marker+"]\n"), "8: senders.promo-br.access_secret: must be a text"},
		"secret twice":        {nx + "    access_secret_file: x\n", "8: senders.promo-br.access_secret: give it or access_secret_file"},
		"no secret file":      {line(nx, "access_secret", "    access_secret_file: nowhere\n"), "8: senders.promo-br.access_secret_file: "},
		"empty secret file":   {line(nx, "access_secret", "    access_secret_file: empty\n"), "8: senders.promo-br.access_secret_file: the file "},
		"algorithm":           {nx + "    algorithm: sha1\n", "9: senders.promo-br.algorithm: \"sha1\" is neither"},
		"url":                 {nx + "    base_url: api.nxcloud.com\n", "9: senders.promo-br.base_url: must be an http or https address"},
		"url with a password": {nx + "    base_url: https://u:" + marker + "@h\n", "9: senders.promo-br.base_url: must be an http or https address without"},
		"template url":        {nx + "    template_base_url: ftp://h\n", "9: senders.promo-br.template_base_url: "},
		"the other's field":   {nx + "    waba_id: x\n", "9: senders.promo-br.waba_id: nxcloud has no such key"},
		"inno with appkey":    {inno + "    appkey: x\n", "8: senders.promo-id.appkey: innopaas has no such key"},
		"app_key missing":     {line(inno, "app_key", ""), "2: senders.promo-id.app_key: is missing"},
		"token missing":       {line(inno, "authorization", ""), "2: senders.promo-id.authorization: is missing"},
		"waba missing":        {line(inno, "waba_id", ""), "2: senders.promo-id.waba_id: is missing"},
		"send number":         {line(inno, "send_number", "    send_number: abc\n"), "7: senders.promo-id.send_number: must be digits alone"},
		"endpoint":            {inno + "    endpoint: mm\n", "8: senders.promo-id.endpoint: \"mm\" is neither"},
		"no mmlite path":      {inno + "    endpoint: mmlite\n", "2: senders.promo-id.mmlite_path: must be a path"},
		"mmlite path":         {inno + "    endpoint: mmlite\n    mmlite_path: v3\n", "9: senders.promo-id.mmlite_path: must be a path"},
		"partial reject":      {inno + "    partial_reject: drop\n", "8: senders.promo-id.partial_reject: must be hold or split"},
		"contact arrays":      {inno + "    contact_arrays: 3\n", "8: senders.promo-id.contact_arrays: must be true or false"},
		"button params":       {inno + "    button_params: some\n", "8: senders.promo-id.button_params: must be dynamic or all"},
		"button params of nx": {nx + "    button_params: all\n", "9: senders.promo-br.button_params: nxcloud has no such key"},
		"success codes":       {inno + "    success_codes: 0\n", "8: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "empty", " \n")
			path := write(t, dir, "senders.yaml", tt.file)
			_, err := Providers().Load(path, environment)
			if err == nil {
				t.Fatal("it was taken")
			}
			text, found := strings.CutPrefix(lineOnly(err), path+":")
			if !found || !strings.HasPrefix(text, tt.want) {
				t.Errorf("error %q; want it to begin with %q", text, tt.want)
			}
			if strings.Contains(text, marker) {
				t.Errorf("the error holds a secret: %s", text)
			}
		})
	}
}

// column is in an error behind the line.
var column = regexp.MustCompile(`(\.yaml:\d+):\d+: `)

// lineOnly is an error without its column.
func lineOnly(err error) string { return column.ReplaceAllString(err.Error(), "$1: ") }

// All that is wrong with the senders of a file is said at once.
func TestLoadSaysAllAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "every.yaml", `senders:
  a b: {provider: nxcloud}
  c:
    provider: nxcloud
    tenant_id: [1]
    appkey: 007
    business_phone: "+86"
    access_key: ${NO_KEY}
    access_secret_file: nowhere
    algorithm: sha1
    base_url: api
    timeout: 1
    limits: {in_flight: 0.5, messages_per_second: -1, messages_per_dya: 3}
    receipts: {url: "http://u:p@h", opaqe: true}
  d:
    provider: nxcloud-mt
    appkey: k
    business_phone: "8615800001795"
    access_key: [x]
    access_secretfile: y
    message_id: sometimes
    location_numbers: words
  e:
    provider: innopaas
    app_kye: x
    waba_id: " w"
    send_number: abc
    endpoint: mm
    success_codes: ["0", " 1"]
    partial_reject: drop
    button_params: some
    receipts: 3
  f:
  g: {provider: twilio, timeout: 1h}
top: 1
`)
	_, err := Providers().Load(path, environment)
	want := []string{
		`1:8: senders: the name "a b"`,
		"5:16: senders.c.tenant_id: must be a number, not a list",
		"6:13: senders.c.appkey: would not be read",
		"7:21: senders.c.business_phone: must be digits",
		"8:17: senders.c.access_key: the environment variable NO_KEY is not set",
		"9:25: senders.c.access_secret_file: open ",
		`10:16: senders.c.algorithm: "sha1" is neither`,
		"11:15: senders.c.base_url: must be an http",
		"12:14: senders.c.timeout: between",
		"13:25: senders.c.limits.in_flight: must be a whole number",
		"13:51: senders.c.limits.messages_per_second: between",
		"13:55: senders.c.limits.messages_per_dya: unknown key; did you mean messages_per_day?",
		"14:21: senders.c.receipts.url: nxcloud is told in its console",
		"14:37: senders.c.receipts.opaqe: receipts has no such key; did you mean opaque?",
		"19:17: senders.d.access_key: must be a text, not a list",
		"20:5: senders.d.access_secretfile: nxcloud-mt has no such key; did you mean access_secret_file?",
		"21:17: senders.d.message_id: must be per_try or off",
		"22:23: senders.d.location_numbers: must be strings or numbers",
		"23:3: senders.e.authorization: is missing",
		"25:5: senders.e.app_kye: innopaas has no such key; did you mean app_key?",
		"26:14: senders.e.waba_id: holds a space",
		"27:18: senders.e.send_number: must be digits",
		`28:15: senders.e.endpoint: "mm" is neither`,
		"29:26: senders.e.success_codes[1]: must be a code",
		"30:21: senders.e.partial_reject: must be hold or split",
		"31:20: senders.e.button_params: must be dynamic or all",
		"32:15: senders.e.receipts: must be a group of fields",
		"33:3: senders.f.provider: is missing",
		`34:17: senders.g.provider: "twilio" is not one of`,
		"34:34: senders.g.timeout: between",
		"35:1: top: unknown key",
	}
	got := strings.Split(err.Error(), "\n")
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("not told: %s", want[i])
		case i >= len(want):
			t.Errorf("told: %s", got[i])
		case !strings.HasPrefix(got[i], path+":"+want[i]):
			t.Errorf("told %s; want %s", got[i], want[i])
		}
	}
	path = write(t, dir, "other.yaml", "senders:\n  a:\n    provider: nxcloud\n")
	if _, err = Providers().Load(path, environment); err == nil || !strings.HasPrefix(err.Error(), path+":2:3: senders.a.tenant_id: ") {
		t.Errorf("%v; it is not at the sender's name", err)
	}
}
