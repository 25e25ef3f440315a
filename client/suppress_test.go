package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestSuppress(t *testing.T) {
	t.Parallel()
	asked := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked += fmt.Sprintf("%s %s %s\n", r.Method, r.URL.Path, body)
		fmt.Fprint(w, map[string]string{
			"/v1/suppressions": `{"added":2}`, "/v1/suppressions/remove": `{"removed":1}`, "/v1/campaigns/sale/resume": `{}`,
			"/v1/senders/promo/templates": `{"asked":true,"templates":[{"name":"a","status":"APPROVED"}]}`,
		}[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	c := New(s.URL, "t")
	if n, err := c.Suppress(t.Context(), "", "+1", "+2"); n != 2 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.Unsuppress(t.Context(), "promo", "+1"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if all, ok, err := c.Templates(t.Context(), "promo"); !ok || len(all) != 1 || all[0].Name != "a" || err != nil {
		t.Error(all, ok, err)
	}
	if err := c.ResumeAfterRestore(t.Context(), "sale"); err != nil {
		t.Error(err)
	}
	want := `POST /v1/suppressions {"phones":["+1","+2"]}
POST /v1/suppressions/remove {"phones":["+1"],"sender":"promo"}
GET /v1/senders/promo/templates 
POST /v1/campaigns/sale/resume {"after_restore":true}
`
	if asked != want {
		t.Errorf("asked %s", asked)
	}
}
