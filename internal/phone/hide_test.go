package phone

import "testing"

func TestHide(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"to +55 11 98765-4321 now":       "to *** now",
		"5511987654321":                  "***",
		"(11) 98765.4321":                "(***",
		"row 12 of 50000000":             "row 12 of 50000000",
		"start_at: 2026-11-22T09:00:00Z": "start_at: 2026-11-22T09:00:00Z",
		"window: 09:00-20:00":            "window: 09:00-20:00",
		"":                               "",
	} {
		if got := Hide(given); got != want {
			t.Errorf("%q is %q, not %q", given, got, want)
		}
	}
}
