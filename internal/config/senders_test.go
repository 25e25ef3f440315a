package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	marker = "s3cr3t-marker"
	nx     = `senders:
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

func TestLoadSenders(t *testing.T) {
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
    limits: {messages_per_second: 80, requests_per_second: 0.5, messages_per_day: 10000, in_flight: 7, max_burst_seconds: 2}
  full-inno:
    provider: innopaas
    app_key: k
    authorization_file: secret
    waba_id: w
    send_number: "8618900000000"
    endpoint: mmlite
    mmlite_path: /v3/mm
    success_codes: ["0", "000000"]
    partial_reject: split
    contact_arrays: false
    button_params: all
`)
	changed := time.UnixMilli(1_700_000_000_123)
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSenders(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	stamp := changed.UnixMilli()
	plain := Limits{InFlight: 64, MaxBurstSeconds: 1}
	want := Senders{
		"promo-br": {
			Name: "promo-br", Provider: NXCloud, Timeout: 15 * time.Second, Limits: plain, TenantID: 1, AppKeyNX: "own-appkey",
			BusinessPhone: "8615800001795", AccessKey: "own-access-key", AccessSecret: marker, Stamp: stamp,
		},
		"promo-id": {
			Name: "promo-id", Provider: InnoPaaS, Timeout: 15 * time.Second, Limits: plain, AppKey: "XFbZY1rt",
			Authorization: marker + "2", WabaID: "110000000000001", SendNumber: "8618900000000", Stamp: stamp,
		},
		"full-nx": {
			Name: "full-nx", Provider: NXCloud, BaseURL: "http://127.0.0.1:8099", TemplateBaseURL: "http://127.0.0.1:8099/t",
			Timeout: time.Minute, TenantID: 9, AppKeyNX: "k", BusinessPhone: "8615800001795", AccessKey: "a",
			AccessSecret: marker, AccessSecretFile: "secret", Algorithm: "sha256", Stamp: stamp,
			Limits: Limits{MessagesPerSecond: 80, RequestsPerSecond: 0.5, MessagesPerDay: 10000, InFlight: 7, MaxBurstSeconds: 2},
		},
		"full-inno": {
			Name: "full-inno", Provider: InnoPaaS, Timeout: 15 * time.Second, Limits: plain, AppKey: "k",
			Authorization: marker, AuthorizationFile: "secret", WabaID: "w", SendNumber: "8618900000000", Endpoint: "mmlite",
			MMLitePath: "/v3/mm", SuccessCodes: []string{"0", "000000"}, PartialReject: "split", ContactArrays: &no, ButtonParams: "all", Stamp: stamp,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := got.Get("promo"); err == nil || !strings.Contains(err.Error(), "full-inno, full-nx, promo-br, promo-id") {
		t.Errorf("the error names no senders: %v", err)
	}
}

// Each case is a file and what its error must begin with: line, sender, field.
func TestSendersThatDoNotHold(t *testing.T) {
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
		"empty":               {"", "1: it is empty"},
		"comment alone":       {"# nothing\n", "1: it is empty"},
		"no senders":          {"senders: {}\n", "1: senders: there is none"},
		"a list":              {"- a\n", "1: "},
		"two documents":       {nx + "---\n" + nx, "1: it holds several documents"},
		"unknown key":         {nx + "    acces_key: x\n", "9: senders.promo-br.acces_key: unknown key"},
		"unknown limit":       {nx + "    limits: {per_second: 3}\n", "9: senders.promo-br.limits.per_second: unknown key"},
		"unknown top":         {nx + "sender: 3\n", "9: sender: unknown key"},
		"twice the same":      {nx + "    tenant_id: 2\n", `9: mapping key "tenant_id" already defined`},
		"syntax":              {nx + "    base_url: [x\n", "9: "},
		"name":                {"senders:\n  a b:\n    provider: nxcloud\n", `1: senders: the name "a b"`},
		"provider":            {line(nx, "provider", "    provider: twilio\n"), `3: senders.promo-br.provider: "twilio" is not one of`},
		"no provider":         {line(nx, "provider", ""), "2: senders.promo-br.provider: "},
		"empty sender":        {"senders:\n  a:\n", "2: senders.a.provider: "},
		"tenant a text":       {line(nx, "tenant_id", "    tenant_id: "+marker+"\n"), "4: senders.promo-br.tenant_id: must be a number"},
		"tenant half":         {line(nx, "tenant_id", "    tenant_id: 1.5\n"), "4: senders.promo-br.tenant_id: must be a whole number"},
		"tenant huge":         {line(nx, "tenant_id", "    tenant_id: 99999999999999999999999\n"), "4: "},
		"tenant missing":      {line(nx, "tenant_id", ""), "2: senders.promo-br.tenant_id: needed"},
		"appkey missing":      {line(nx, "appkey", ""), "2: senders.promo-br.appkey: needed"},
		"appkey octal":        {line(nx, "appkey", "    appkey: 00123\n"), "5: senders.promo-br.appkey: would not be read as it is written"},
		"appkey loses a zero": {line(nx, "appkey", "    appkey: 1.10\n"), "5: senders.promo-br.appkey: would not be read as it is written"},
		"phone":               {line(nx, "business_phone", "    business_phone: \"+86158\"\n"), "6: senders.promo-br.business_phone: "},
		"access key missing":  {line(nx, "access_key", ""), "2: senders.promo-br.access_key: needed"},
		"secret missing":      {line(nx, "access_secret", ""), "2: senders.promo-br.access_secret: needed"},
		"secret a list":       {line(nx, "access_secret", "    access_secret: ["+marker+"]\n"), "8: senders.promo-br.access_secret: must be a text"},
		"secret an alias":     {line(nx, "access_secret", "    access_secret: *"+marker+"\n"), "8: senders.promo-br.access_secret: a text that begins with &, * or ! needs quotes"},
		"secret an anchor":    {line(nx, "access_secret", "    access_secret: &"+marker+" x\n"), "8: senders.promo-br.access_secret: a text that begins with &, * or ! needs quotes"},
		"secret a tag":        {line(nx, "access_secret", "    access_secret: !"+marker+"\n"), "8: "},
		"secret not closed":   {line(nx, "access_secret", "    access_secret: '"+marker+"\n"), "8: "},
		"variable not set":    {strings.Replace(nx, "NX_SECRET", "NO_SECRET", 1), "8: senders.promo-br.access_secret: the environment variable NO_SECRET is not set"},
		"variable of a url":   {nx + "    base_url: ${NO_URL}\n", "9: senders.promo-br.base_url: the environment variable NO_URL is not set"},
		"secret twice":        {nx + "    access_secret_file: x\n", "8: senders.promo-br.access_secret: give it or access_secret_file"},
		"no secret file":      {line(nx, "access_secret", "    access_secret_file: nowhere\n"), "8: senders.promo-br.access_secret_file: "},
		"empty secret file":   {line(nx, "access_secret", "    access_secret_file: empty\n"), "8: senders.promo-br.access_secret_file: the file "},
		"algorithm":           {nx + "    algorithm: sha1\n", "9: senders.promo-br.algorithm: md5 or sha256"},
		"url":                 {nx + "    base_url: api.nxcloud.com\n", "9: senders.promo-br.base_url: must be an http or https address"},
		"url with a password": {nx + "    base_url: https://u:" + marker + "@h\n", "9: senders.promo-br.base_url: must be an http or https address without"},
		"template url":        {nx + "    template_base_url: ftp://h\n", "9: senders.promo-br.template_base_url: "},
		"timeout a number":    {nx + "    timeout: 15\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout a word":      {nx + "    timeout: " + marker + "\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout long":        {nx + "    timeout: 121s\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"timeout short":       {nx + "    timeout: 999ms\n", "9: senders.promo-br.timeout: between 1s and 2m"},
		"messages negative":   {nx + "    limits: {messages_per_second: -1}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages too slow":   {nx + "    limits: {messages_per_second: 0.09}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages too fast":   {nx + "    limits: {messages_per_second: 10001}\n", "9: senders.promo-br.limits.messages_per_second: "},
		"messages no number":  {nx + "    limits: {messages_per_second: .nan}\n", "9: senders.promo-br.limits.messages_per_second: would not be read"},
		"burst no number":     {nx + "    limits: {max_burst_seconds: .inf}\n", "9: senders.promo-br.limits.max_burst_seconds: would not be read"},
		"requests":            {nx + "    limits:\n      in_flight: 3\n      requests_per_second: -3\n", "11: senders.promo-br.limits.requests_per_second: "},
		"per day":             {nx + "    limits: {messages_per_day: -1}\n", "9: senders.promo-br.limits.messages_per_day: "},
		"per day half":        {nx + "    limits: {messages_per_day: 250.5}\n", "9: senders.promo-br.limits.messages_per_day: must be a whole number"},
		"in flight":           {nx + "    limits: {in_flight: -4}\n", "9: senders.promo-br.limits.in_flight: "},
		"burst":               {nx + "    limits: {max_burst_seconds: 11}\n", "9: senders.promo-br.limits.max_burst_seconds: "},
		"limits a list":       {nx + "    limits: [1]\n", "9: "},
		"the other's field":   {nx + "    waba_id: x\n", "3: senders.promo-br.provider: nxcloud has none of the fields"},
		"inno with appkey":    {inno + "    appkey: x\n", "3: senders.promo-id.provider: innopaas has none of the fields"},
		"app_key missing":     {line(inno, "app_key", ""), "2: senders.promo-id.app_key: needed"},
		"token missing":       {line(inno, "authorization", ""), "2: senders.promo-id.authorization: needed"},
		"waba missing":        {line(inno, "waba_id", ""), "2: senders.promo-id.waba_id: needed"},
		"send number":         {line(inno, "send_number", "    send_number: abc\n"), "7: senders.promo-id.send_number: needed"},
		"endpoint":            {inno + "    endpoint: mm\n", "8: senders.promo-id.endpoint: standard or mmlite"},
		"no mmlite path":      {inno + "    endpoint: mmlite\n", "2: senders.promo-id.mmlite_path: needed"},
		"mmlite path":         {inno + "    endpoint: mmlite\n    mmlite_path: v3\n", "9: senders.promo-id.mmlite_path: needed"},
		"partial reject":      {inno + "    partial_reject: drop\n", "8: senders.promo-id.partial_reject: hold or split"},
		"contact arrays":      {inno + "    contact_arrays: 3\n", "8: senders.promo-id.contact_arrays: must be true or false"},
		"button params":       {inno + "    button_params: some\n", "8: senders.promo-id.button_params: dynamic or all"},
		"button params of nx": {nx + "    button_params: all\n", "3: senders.promo-br.provider: nxcloud has none of the fields"},
		"success codes":       {inno + "    success_codes: 0\n", "8: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "empty", " \n")
			path := write(t, dir, "senders.yaml", tt.file)
			_, err := LoadSenders(path, environment)
			if err == nil {
				t.Fatal("it was taken")
			}
			text, found := strings.CutPrefix(err.Error(), path+":")
			if !found || !strings.HasPrefix(text, tt.want) {
				t.Errorf("error %q; want it to begin with %q", text, tt.want)
			}
			if strings.Contains(text, marker) {
				t.Errorf("the error holds a secret: %s", text)
			}
		})
	}
}

func TestLoadSendersWithoutFile(t *testing.T) {
	t.Parallel()
	_, err := LoadSenders(filepath.Join(t.TempDir(), "none.yaml"), environment)
	if err == nil || !strings.Contains(err.Error(), "--senders") {
		t.Errorf("the error does not say what to set: %v", err)
	}
}

func TestErrorsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	file := []byte("senders:\n  b: {provider: x}\n  a: {provider: y}\n  c: {provider: z}\n")
	for range 20 {
		if _, err := parseSenders(file, "f", environment); err == nil || !strings.Contains(err.Error(), "senders.a.") {
			t.Fatalf("not the first sender's error: %v", err)
		}
	}
}

// Whatever the file holds: no panic, no secret in the error, and what is taken
// keeps the bounds that the rest of the program relies on.
func FuzzSenders(f *testing.F) {
	f.Add([]byte(nx), "x")
	f.Add([]byte(inno), marker)
	f.Add([]byte("senders: {a: {provider: nxcloud, timeout: 3s, limits: {in_flight: 1}}}"), "")
	f.Add([]byte("senders: &a\n  b: *a\n"), "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		senders, err := parseSenders(data, filepath.Join(dir, "f"), func(string) string { return value })
		if err != nil {
			if len(value) > 12 && !strings.Contains(string(data), value) && strings.Contains(err.Error(), value) {
				t.Fatalf("the error holds the environment: %v", err)
			}
			return
		}
		for name, s := range senders {
			l := s.Limits
			if s.Name != name || s.Timeout < time.Second || l.InFlight < 1 || !(l.MaxBurstSeconds > 0) ||
				!(l.MessagesPerSecond >= 0 && l.MessagesPerSecond <= 10_000) || !(l.RequestsPerSecond >= 0 && l.RequestsPerSecond <= 10_000) {
				t.Fatalf("out of bounds: %+v", s)
			}
			if s.AccessSecret == "" && s.Authorization == "" {
				t.Fatal("a sender without a secret")
			}
			if shown := fmt.Sprintf("%v %+v %#v", s, s, s); value != "" && len(value) > 12 && string(s.AccessSecret) == value &&
				!strings.Contains(string(data), value) && strings.Count(string(data), "${") == 1 && strings.Contains(shown, value) {
				t.Fatal("a dump shows the secret")
			}
		}
	})
}
