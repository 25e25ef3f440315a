package docs_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/internal/campaign"
	"sluice/internal/config"
	schemas "sluice/internal/jsonschema"
	"sluice/internal/sender/innopaas"
	"sluice/internal/sender/nxcloud"
)

// schemaOf is a schema as it is, and compiled.
func schemaOf(t *testing.T, name string) (map[string]any, *jsonschema.Schema) {
	t.Helper()
	text, err := schemas.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, raw); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw.(map[string]any), compiled
}

// valid holds a YAML file against a schema.
func valid(t *testing.T, s *jsonschema.Schema, file string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(file), &value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(plain)
}

// Every file that is shown is valid by its schema, and what whoever reads it refuses
// is not.
func TestShownFilesAreAsTheirSchemas(t *testing.T) {
	t.Parallel()
	_, campaigns := schemaOf(t, "campaign")
	_, senders := schemaOf(t, "senders")
	files := []string{}
	for _, m := range yamlBlock.FindAllStringSubmatch(read(t, "docs/files.md")+read(t, "README.md"), -1) {
		files = append(files, m[1])
	}
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(examples) < 2 {
		t.Fatal(examples, err)
	}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(text))
	}
	for _, file := range files {
		schema := campaigns
		if regexp.MustCompile(`(?m)^senders:`).MatchString(strings.TrimSpace(file)) {
			schema = senders
		} else if !strings.Contains(file, "recipients:") { // a message by itself
			file = "id: shown\nrecipients: {file: list.csv}\n" + file
		}
		if err := valid(t, schema, file); err != nil {
			t.Errorf("%v\n%s", err, file)
		}
	}
	const least = "id: a\nsender: s\nmessage: {type: text, text: {body: hi}}\nrecipients: {file: a.csv}\n"
	if err := valid(t, campaigns, least); err != nil {
		t.Error(err)
	}
	const account = "senders: {s: {provider: nxcloud, tenant_id: 1, appkey: a, business_phone: \"8615800001795\", access_key: k, access_secret: s"
	if err := valid(t, senders, account+"}}"); err != nil {
		t.Error(err)
	}
	for _, file := range []string{
		least + "speed: 1\n", least + "max_attempts: 21\n", least + "priority: urgent\n", least + "start_at: tomorrow\n",
		strings.Replace(least, "id: a", "id: A", 1), strings.Replace(least, "body:", "boddy:", 1), strings.Replace(least, "file: a.csv", "phone: p", 1),
	} {
		if valid(t, campaigns, file) == nil {
			t.Errorf("the schema takes\n%s", file)
		}
	}
	for _, file := range []string{
		account + ", waba_id: w}}", account + ", limits: {in_flight: 0}}}", "senders: {}", account + ", receipts: {secrets: s}}}",
		strings.Replace(account, "nxcloud", "innopaas", 1) + "}}",
	} {
		if valid(t, senders, file) == nil {
			t.Errorf("the schema takes\n%s", file)
		}
	}
}

// The schemas of files have each key that is read, and no other.
func TestSchemasHaveEveryKey(t *testing.T) {
	t.Parallel()
	raw, _ := schemaOf(t, "campaign")
	got, want := map[string]bool{}, map[string]bool{}
	properties(got, "", raw, raw)
	yamlKeys(want, "", reflect.TypeFor[campaign.File]())
	same(t, "campaign", want, got)

	raw, _ = schemaOf(t, "senders")
	one := raw["properties"].(map[string]any)["senders"].(map[string]any)["additionalProperties"].(map[string]any)
	other := one["else"].(map[string]any)
	for branch, tt := range map[string]struct {
		schema any
		of     reflect.Type
	}{
		"innopaas":   {one["then"], reflect.TypeFor[innopaas.Options]()},
		"nxcloud-mt": {other["then"], reflect.TypeFor[nxcloud.MTOptions]()},
		"nxcloud":    {other["else"], reflect.TypeFor[nxcloud.Options]()},
	} {
		of := tt.of
		got, want := map[string]bool{}, map[string]bool{".provider": true, ".timeout": true, ".limits": true, ".receipts": true}
		properties(got, "", tt.schema, raw)
		yamlKeys(want, "", of)
		yamlKeys(want, ".limits", reflect.TypeFor[config.Limits]())
		for _, m := range regexp.MustCompile(`yaml:"(\w+)"(?: +file:"(\w+)")?`).FindAllStringSubmatch(read(t, "cmd/receiver/senders.go"), -1) {
			want[".receipts."+m[1]] = true
			if m[2] != "" {
				want[".receipts."+m[2]] = true
			}
		}
		same(t, "senders, "+branch, want, got)
	}
}

func same(t *testing.T, what string, want, got map[string]bool) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("%s: read, and described:\n%s", what, diff)
	}
}

// properties notes the path of each property of a schema.
func properties(to map[string]bool, path string, schema any, root map[string]any) {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	all, _ := s["properties"].(map[string]any)
	for name, sub := range all {
		to[path+"."+name] = true
		properties(to, path+"."+name, sub, root)
	}
	if items, ok := s["items"]; ok {
		properties(to, path+"[]", items, root)
	}
}

// yamlKeys notes the path of each key that a type is read from.
func yamlKeys(to map[string]bool, path string, of reflect.Type) {
	switch of.Kind() {
	case reflect.Pointer:
		yamlKeys(to, path, of.Elem())
	case reflect.Slice:
		yamlKeys(to, path+"[]", of.Elem())
	case reflect.Struct:
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
			if name == "" || name == "-" {
				continue
			}
			to[path+"."+name] = true
			if file := of.Field(i).Tag.Get("file"); file != "" {
				to[path+"."+file] = true
			}
			yamlKeys(to, path+"."+name, of.Field(i).Type)
		}
	default:
	}
}
