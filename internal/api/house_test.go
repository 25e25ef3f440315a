package api

import (
	"testing"

	"sluice/internal/token"
)

// A token that is bound to senders keeps tokens of those alone.
func TestBoundTokenKeepsItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := func(made map[string]any) string { return made["about"].(map[string]any)["id"].(string) }
	everybodys := id(b.must(201, "POST", "/v1/tokens", `{"name":"all","scopes":["read"]}`))
	both := id(b.must(201, "POST", "/v1/tokens", `{"name":"both","scopes":["read"],"senders":["promo","other"]}`))
	b.token = b.newToken(token.Scopes, "other")
	own := id(b.must(201, "POST", "/v1/tokens", `{"name":"own","scopes":["read"]}`))
	b.must(422, "POST", "/v1/tokens", `{"name":"x","scopes":["read"],"senders":["promo"]}`)
	for _, v := range b.must(200, "GET", "/v1/tokens", "")["tokens"].([]any) {
		if name := v.(map[string]any)["name"]; name != "own" && name != "test" {
			t.Errorf("it sees %v", name)
		}
	}
	for _, other := range []string{everybodys, both} {
		b.must(404, "DELETE", "/v1/tokens/"+other, "")
	}
	b.must(204, "DELETE", "/v1/tokens/"+own, "")
	all, err := b.server.Tokens.List(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
}
