package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// Whatever is asked of any route, it is answered as specified, and never by a 5xx.
func TestAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, anything(t))
}

// FuzzRoutes asks every route whatever a fuzzer comes to, by the specification and
// beside it.
func FuzzRoutes(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(anything(f)))
}

// anything is the property on a bench of its own.
func anything(tb testing.TB) func(*rapid.T) {
	tb.Helper()
	b := newBench(tb)
	b.must(201, "POST", "/v1/campaigns", sale)
	b.must(201, "POST", "/v1/campaigns", strings.Replace(sale, "sale", "draft", 1))
	b.must(201, "PUT", "/v1/campaigns/sale/parts/1", "phone,name\n11987654321,Ana\n", "Content-Type", "text/csv")
	b.must(202, "POST", "/v1/campaigns/sale/launch", "")
	if err := b.desk.Import(tb.Context(), "sale"); err != nil {
		tb.Fatal(err)
	}
	routes := b.server.routes()
	bodies := []string{
		"", "{}", "[]", "null", "1", `"x"`, "{", sale, strings.Replace(sale, "sale", "draft", 1), `{"to":"+5511987654321","row":1}`, `{"rows":1}`, `{"rows":-1,"parts":[{"n":1}]}`,
		`{"skip_rows":[1,2]}`, `{"skip_rows":["x"]}`, `{"clear_pause":true}`, `{"choice":"accept"}`, `{"choice":"resend"}`, `{"phone":"+5511987654321"}`, `{"phones":["+5511987654321",""]}`,
		`{"rate":{"messages_per_second":1e400}}`, `{"rate":null}`, `{"window":{}}`, `{"window":{"from":"1","to":"2","timezone":"x y"}}`, `{"start_at":"2026-01-01T00:00:00Z"}`, `{"start_at":5}`,
		`{"name":"x","scopes":["read"],"days":1}`, "phone,name\n1,x\n", "{\"phone\":\"1\"}\n{\"phone\":{}}\n", "\x00\xff", `{"labels":{"a":1}}`,
	}
	return func(t *rapid.T) {
		rt := rapid.SampledFrom(routes).Draw(t, "route")
		method, path, _ := strings.Cut(rt.pattern, " ")
		path = strings.NewReplacer(
			"{id}", rapid.SampledFrom([]string{"sale", "draft", "none", "-", "%00", "a%2Fb"}).Draw(t, "id"),
			"{n}", rapid.SampledFrom([]string{"1", "2", "0", "-1", "x", "99999999999999999999"}).Draw(t, "n"),
			"{slug}", "state",
			"{name}", rapid.SampledFrom([]string{"crm", "none"}).Draw(t, "name"),
		).Replace(path)
		if q := rapid.SampledFrom([]string{"", "limit=0", "limit=x", "cursor=MSAy", "cursor=%", "state=paused,draft", "state=x", "after_row=-1", "after_row=1", "row=2", "row=x", "launch=true", "replace=true", "end=true", "preflight=false", "label=a:b", "q=%00"}).Draw(t, "query"); q != "" {
			path += "?" + q
		}
		body := rapid.SampledFrom(bodies).Draw(t, "body")
		if op := b.operation(rt.pattern); op != nil && rapid.Bool().Draw(t, "specified") {
			path, body = specified(t, op, path, body)
		}
		if rapid.IntRange(0, 3).Draw(t, "broken") == 0 && len(body) > 0 {
			at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
			body = body[:at] + rapid.SampledFrom([]string{"", "\"", "{", "\\", "é", "\x80", "0"}).Draw(t, "instead") + body[at+1:]
		}
		header := []string{
			"Content-Type", rapid.SampledFrom([]string{"application/json", "text/csv", "application/x-ndjson", "x"}).Draw(t, "type"),
			"Content-Encoding", rapid.SampledFrom([]string{"", "", "gzip", "zstd"}).Draw(t, "encoding"),
			"Idempotency-Key", rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"),
			"Repr-Digest", rapid.SampledFrom([]string{"", "", "sha-256=:AAAA:"}).Draw(t, "digest"),
		}
		for id := range b.server.limits { // as if it had waited
			delete(b.server.limits, id)
		}
		w := b.ask(t, method, path, body, header...)
		if w.Code >= 500 {
			t.Fatalf("%s %s %s: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%s %s: %d as %s", method, path, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

// operation is what the specification says of a route.
func (b *bench) operation(pattern string) *openapi3.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	item := b.doc.Paths.Find(path)
	if item == nil {
		return nil
	}
	return item.Operations()[method]
}

// specified is a request with parameters and a body by the shapes of the specification,
// right in most places.
func specified(t *rapid.T, op *openapi3.Operation, path, body string) (string, string) {
	query := url.Values{}
	for _, p := range op.Parameters {
		if p.Value.In == "query" && rapid.Bool().Draw(t, p.Value.Name) {
			query.Set(p.Value.Name, fmt.Sprint(valueOf(t, p.Value.Schema.Value, 0)))
		}
	}
	if len(query) > 0 {
		path, _, _ = strings.Cut(path, "?")
		path += "?" + query.Encode()
	}
	if op.RequestBody == nil {
		return path, body
	}
	if content := op.RequestBody.Value.Content["application/json"]; content != nil && content.Schema != nil {
		text, err := json.Marshal(valueOf(t, content.Schema.Value, 0))
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
	}
	return path, body
}

// valueOf is a value of a shape, or now and then of none.
func valueOf(t *rapid.T, s *openapi3.Schema, depth int) any {
	odd := []any{nil, true, -1, 1e300, "", "x", "\x00", "2026-01-01T00:00:00Z", []any{}, map[string]any{"x": 1}}
	if s == nil || depth > 6 || rapid.IntRange(0, 11).Draw(t, "odd") == 0 {
		return rapid.SampledFrom(odd).Draw(t, "value")
	}
	if len(s.Enum) > 0 {
		return rapid.SampledFrom(s.Enum).Draw(t, "enum")
	}
	switch {
	case s.Type.Includes("object"):
		v := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, name) || rapid.Bool().Draw(t, name) {
				v[name] = valueOf(t, s.Properties[name].Value, depth+1)
			}
		}
		return v
	case s.Type.Includes("array"):
		v := []any{}
		for range rapid.IntRange(0, 2).Draw(t, "n") {
			var item *openapi3.Schema
			if s.Items != nil {
				item = s.Items.Value
			}
			v = append(v, valueOf(t, item, depth+1))
		}
		return v
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return rapid.SampledFrom([]any{0, 1, 2, 50, 0.5, -1, 1 << 40}).Draw(t, "number")
	case s.Type.Includes("boolean"):
		return rapid.Bool().Draw(t, "flag")
	}
	return rapid.SampledFrom([]string{"sale", "promo", "draft", "+5511987654321", "{{name}}", "{{name|", "09:00", "America/Sao_Paulo", "accept", "finished", "read", "crm", "é\u2028", strings.Repeat("x", 300)}).Draw(t, "text")
}
