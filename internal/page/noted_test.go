package page

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"sluice/internal/audit"
	"sluice/internal/token"
)

// What is done on the page stands in the audit, with who did it: by the desk, and so
// what is done without a campaign too.
func TestNoted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	text := b.post("/tokens", url.Values{"name": {"crm"}, "scope": {"read"}}, http.StatusOK)
	made, err := b.tokens.List(t.Context())
	if err != nil || len(made) != 2 {
		t.Fatal(made, err, text)
	}
	b.post("/tokens/revoke", url.Values{"id": {made[0].ID}}, http.StatusSeeOther)
	b.post("/suppressions", url.Values{"numbers": {"+5511987654321"}, "do": {"add"}}, http.StatusOK)
	b.signIn(token.Scopes)
	b.post("/callbacks", url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}}, http.StatusOK)
	for _, do := range []string{"rotate", "redeliver"} {
		b.ask("POST", "/callbacks/do", url.Values{"name": {"crm"}, "do": {do}}.Encode())
	}
	b.post("/callbacks/do", url.Values{"name": {"crm"}, "do": {"delete"}, "typed": {"crm"}}, http.StatusSeeOther)
	b.ask("GET", "/queue/", "")
	b.ask("POST", "/queue/api/queues/x:pause", "")
	var acts []string
	_, err = b.desk.Audit(t.Context(), audit.Query{}, func(e *audit.Entry) bool {
		if e.Actor != "page:test" || e.Token == "" || e.Address == "" {
			t.Errorf("%+v", e)
		}
		acts = append(acts, e.Act)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(acts)
	if want := []string{"sign_in", "create_token", "revoke_token", "suppress", "sign_in", "create_callback", "rotate_callback", "redeliver", "delete_callback", "queue"}; !slices.Equal(acts, want) {
		t.Errorf("%v, not %v", acts, want)
	}
}
