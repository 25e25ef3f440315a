package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/token"
)

// send sends the form of the first step, and returns where it leads, or its answer.
func (b *bench) send(path, file, text string, status int, fields ...string) string {
	b.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := m.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	w, err := m.CreateFormFile("file", file)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		b.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		b.t.Fatal(err)
	}
	got := b.ask("POST", path, body.String(), "Content-Type", m.FormDataContentType())
	if got.Code != status {
		b.t.Fatalf("POST %s: %d, not %d\n%s", path, got.Code, status, got.Body)
	}
	if to := got.Header().Get("Location"); to != "" {
		return to
	}
	return got.Body.String()
}

// A marketing manager with a CSV and a template: six steps, without a script.
func TestNewCampaign(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	has(t, b.get("/new", http.StatusOK), "A new campaign", `aria-current="step"`)
	const mine = "first_name,Mobile,city\nAna,11987654321,Rio\nBia,11987654322,\nEva,123,Belém\n"
	has(t, b.send("/new", "list.xlsx", "PK", 422, "name", "Spring Sale", "sender", "promo"), "That is no CSV", "Spring Sale")
	has(t, b.send("/new", "list.csv", mine, 422, "name", "!", "sender", "promo"), "A name needs")
	has(t, b.send("/new", "list.csv", mine, 422, "name", "x", "sender", "nobody"), "Choose a sender")
	has(t, b.send("/new", "list.csv", "", 422, "name", "Spring Sale", "sender", "promo"), "role=\"alert\"")
	if to := b.send("/new", "list.csv", mine, http.StatusSeeOther, "name", "Spring Sale", "sender", "promo", "country", "br"); to != "/campaigns/spring-sale/columns" {
		t.Fatalf("to %q", to)
	}
	has(t, b.send("/new", "list.csv", mine, 422, "name", "spring sale", "sender", "promo"), "There is a campaign spring-sale already")

	text := b.get("/campaigns/spring-sale/columns", http.StatusOK)
	has(t, text, "<option selected>Mobile</option>", "5511987654321", "Rio", "1 of these are invalid", `value="BR"`)
	if to := b.post("/campaigns/spring-sale/columns", url.Values{"phone": {"Mobile"}, "country": {"BR"}}, http.StatusSeeOther); to != "/campaigns/spring-sale/message" {
		t.Fatalf("to %q", to)
	}
	has(t, b.post("/campaigns/spring-sale/columns", url.Values{"phone": {"nobody"}}, 422), "Choose a column")

	has(t, b.get("/campaigns/spring-sale/message", http.StatusOK), "order_update|en_US", "Choose one")
	if to := b.ask("GET", "/campaigns/spring-sale/launch", "").Header().Get("Location"); to != "/campaigns/spring-sale/message" {
		t.Errorf("a launch without a template leads to %q", to)
	}
	text = b.get("/campaigns/spring-sale/message?template=order_update%7Cen_US", http.StatusOK)
	has(t, text, "Variable 1", "Variable 2", "Hello {{1}}, {{2}}", "<option selected>first_name</option>", "<option selected>city</option>")
	form := url.Values{"template": {"order_update|en_US"}, "column-body1": {"first_name"}, "text-body1": {"friend"}, "column-body2": {"city"}, "look": {"1"}}
	b.post("/campaigns/spring-sale/message", form, 303)
	has(t, b.post("/campaigns/spring-sale/message", url.Values{"template": {"order_update|en_US"}, "column-body1": {"evil}}"}}, 422), "has no column")
	has(t, b.get("/campaigns/spring-sale/message", http.StatusOK), "Hello Ana, Rio", `value="friend"`)
	has(t, b.get("/campaigns/spring-sale/message?row=2", http.StatusOK), "column city is empty")
	form.Set("text-body2", "your town")
	form.Del("look")
	if to := b.post("/campaigns/spring-sale/message", form, 303); to != "/campaigns/spring-sale/when" {
		t.Errorf("to %q", to)
	}
	has(t, b.get("/campaigns/spring-sale/message?row=2", http.StatusOK), "Hello Bia, your town")

	has(t, b.post("/campaigns/spring-sale/when", url.Values{"begin": {"later"}, "start": {"2099-01-02T03:04"}, "zone": {"Mars"}, "window": {"any"}}, 422), "no such time zone", "2099-01-02T03:04")
	has(t, b.post("/campaigns/spring-sale/when", url.Values{"begin": {"now"}, "window": {"recipient"}, "from": {"25:00"}, "to": {"20:00"}}, 422), "window")
	b.post("/campaigns/spring-sale/when", url.Values{"begin": {"later"}, "start": {"2099-01-02T03:04"}, "zone": {"America/Sao_Paulo"}, "window": {"recipient"}, "from": {"09:00"}, "to": {"20:00"}, "rate": {"2.5"}, "priority": {"high"}}, 303)
	rec, err := b.desk.Record(t.Context(), "spring-sale")
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(rec.Raw, &object); err != nil {
		t.Fatal(err)
	}
	has(t, string(rec.Raw), `"start_at":"2099-01-02T03:04:00-03:00"`, `"messages_per_second":2.5`, `"timezone":"recipient"`, `["{{first_name|friend}}","{{city|your town}}"]`, `"phone":"Mobile"`)
	b.post("/campaigns/spring-sale/when", url.Values{"begin": {"now"}, "window": {"any"}, "priority": {"normal"}}, 303)

	text = b.get("/campaigns/spring-sale/check", http.StatusOK)
	has(t, text, "2 people get it.", "BR")
	has(t, b.post("/campaigns/spring-sale/test", url.Values{"to": {"12"}}, 422), "role=\"alert\"", `value="12"`)
	to := b.post("/campaigns/spring-sale/test", url.Values{"to": {"+5511999990000"}}, 303)
	has(t, b.get(strings.TrimSuffix(to, "#test"), http.StatusOK), "The test is on its way")

	has(t, b.post("/campaigns/spring-sale/launch", url.Values{"typed": {"3"}}, 422), "not the number of recipients")
	if to := b.post("/campaigns/spring-sale/launch", url.Values{"typed": {" 2 "}}, 303); to != "/campaigns/spring-sale?said=launched" {
		t.Errorf("to %q", to)
	}
	has(t, b.get("/campaigns/spring-sale?said=launched", http.StatusOK), "It is launched", "importing")
	if err := b.desk.Import(t.Context(), "spring-sale"); err != nil {
		t.Fatal(err)
	}
	st, err := b.desk.Status(t.Context(), "spring-sale")
	if err != nil || st.Pending != 2 || st.Invalid != 1 || st.State != "running" {
		t.Errorf("%+v %v", st, err)
	}
	has(t, b.get("/campaigns/spring-sale/columns", http.StatusConflict), "Not possible in this state")
}

// A list of 100,000 rows goes the same way: it is uploaded, counted and planned.
func TestLongList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	const n = 100_000
	var long strings.Builder
	long.WriteString("phone,name\n")
	for i := range n {
		fmt.Fprintf(&long, "+55119%08d,Ana %d\n", 10_000_000+i, i)
	}
	b.send("/new", "long.csv", long.String(), http.StatusSeeOther, "name", "long", "sender", "promo")
	has(t, b.get("/campaigns/long/columns", http.StatusOK), "100,000", "5511910000000", "Ana 0")
	b.post("/campaigns/long/message", url.Values{"template": {"order_update|en_US"}, "column-body1": {"name"}, "text-body2": {"x"}}, http.StatusSeeOther)
	has(t, b.get("/campaigns/long/check", http.StatusOK), "100,000 people get it.")
	if to := b.post("/campaigns/long/launch", url.Values{"typed": {"100,000"}}, http.StatusSeeOther); to != "/campaigns/long?said=launched" {
		t.Errorf("to %q", to)
	}
}

// A list that breaks off leaves no draft behind.
func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn(token.Scopes)
	whole := "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nsale\r\n--x\r\nContent-Disposition: form-data; name=\"sender\"\r\n\r\npromo\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\n\r\nphone\n+5511987654321\n"
	w := b.ask("POST", "/new", whole, "Content-Type", "multipart/form-data; boundary=x")
	if w.Code != 422 {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if _, err := b.desk.Record(t.Context(), "sale"); err == nil {
		t.Error("a draft is left")
	}
}

// Who may compose and see no numbers composes without seeing any, and who is bound to a
// sender has no other.
func TestComposingIsBound(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.signIn([]string{token.Read, token.Write}, "promo")
	has(t, b.send("/new", "l.csv", list, 422, "name", "sale", "sender", "other"), "Choose a sender")
	b.send("/new", "l.csv", list, 303, "name", "sale", "sender", "promo")
	text := b.get("/campaigns/sale/columns", http.StatusOK)
	has(t, text, "55119*****321", "has not the scope pii")
	lacks(t, text, "5511987654321", "Bia")
	b.post("/campaigns/sale/message", url.Values{"template": {"order_update|en_US"}, "column-body1": {"name"}, "column-body2": {"name"}}, 303)
	lacks(t, b.get("/campaigns/sale/message", http.StatusOK), "Hello Ana")
	text = b.get("/campaigns/sale/check", http.StatusOK)
	has(t, text, "Your token may compose and not launch")
	b.post("/campaigns/sale/launch", url.Values{"typed": {"2"}}, http.StatusForbidden)
	b.post("/campaigns/sale/test", url.Values{"to": {"+5511999990000"}}, http.StatusForbidden)
}

// What stands in a template's places is found in what the provider tells, and comes back
// as it was said.
func TestSlots(t *testing.T) {
	t.Parallel()
	all, body := slotsOf([]byte(`{"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Hi {{1}}, {{2}} and {{1}}"},{"type":"FOOTER","text":"x"},
		{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"no"},{"type":"URL","text":"Shop","url":"https://s.example/{{1}}"},{"type":"COPY_CODE","text":"Copy"}]}]}`))
	var keys []string
	for i := range all {
		keys = append(keys, all[i].Key+":"+all[i].Kind)
		all[i].Column, all[i].Text = "c", "t"
	}
	if got := strings.Join(keys, " "); got != "header:image body1:text body2:text button1:url button2:code" || body != "Hi {{1}}, {{2}} and {{1}}" {
		t.Errorf("%s %q", got, body)
	}
	all[1].Text, all[2].Column = "", ""
	text, err := json.Marshal(messageOf("n", "en", "MARKETING", all)["template"])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"body":["{{c}}","t"],"buttons":[{"index":1,"url":"{{c|t}}"},{"copy_code":"{{c|t}}","index":2}],"category":"marketing","header":{"image":"{{c|t}}"},"language":"en","name":"n"}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	var d templateDraft
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	again, _ := slotsOf([]byte(`{"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Hi {{1}}, {{2}} and {{1}}"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY"},{"type":"URL","url":"https://s.example/{{1}}"},{"type":"COPY_CODE"}]}]}`))
	fill(again, &d)
	for i := range again {
		if again[i].Column != all[i].Column || again[i].Text != all[i].Text {
			t.Errorf("%s: %q %q", again[i].Key, again[i].Column, again[i].Text)
		}
	}
}
