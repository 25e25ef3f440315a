package api

import (
	"slices"
	"strings"
	"testing"
)

// A campaign with faults of every kind gets all of them in one answer, each with its
// pointer: keys, types, bounds, placeholders and the sender.
func TestAllFaultsOfACampaign(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.must(422, "POST", "/v1/campaigns", `{"id":"Sale","sender":"nobody","colour":1,"priority":"urgent","max_attempts":1.5,
"message":{"type":"template","template":{"name":["x"],"language":"en_US","body":["fine","{{#if x}}",["y"]]}},
"window":{"from":"9am","to":"20:00","timezone":"Mars"},"recipients":{"file":"list.csv","only":{"campaign":"first","states":["accepted","gone"]}}}`)
	var pointers []string
	for _, fault := range got["errors"].([]any) {
		pointers = append(pointers, fault.(map[string]any)["pointer"].(string))
	}
	want := strings.Fields(`/id /sender /colour /priority /max_attempts /message/template/name /message/template/body/1 /message/template/body/2
		/window/from /window/timezone /recipients/file /recipients/only/states/1`)
	slices.Sort(pointers)
	slices.Sort(want)
	if !slices.Equal(pointers, want) {
		t.Errorf("faults at %s; want %s", pointers, want)
	}
}
