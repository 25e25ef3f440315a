package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"sluice/internal/campaign"
	"sluice/internal/sender"
	"sluice/internal/status"
)

// loadCodes reads what the codes mean in a language that has words for them. English has
// none: there the desk's own stand.
func loadCodes(tag string) (map[string]string, error) {
	text, err := wordFiles.ReadFile("words/codes/" + tag + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there are none
	}
	var codes map[string]string
	if err == nil {
		err = json.Unmarshal(text, &codes)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the codes of %s: %w", tag, err)
	}
	return codes, nil
}

// meaning is what a code means: in the language's own words, or else in English as the
// desk has it. A provider's own codes stay as its documents have them.
func (l *language) meaning(code, english string) (text string, isEnglish bool) {
	if last, found := sender.Code(code).Last(); found {
		if own, ok := l.codes[string(last)]; ok {
			return l.say("codes.exhausted", own), false
		}
	}
	if own, ok := l.codes[code]; ok {
		return own, false
	}
	return english, true
}

// A held is what holds a campaign, in words.
type held struct {
	status.Hold

	Words   string // beside its title; "": that says it all
	English bool
}

// heldIn puts what holds a campaign into a language. In English the desk's own words
// stand. In others a title says what it is, and beside it stands what is particular.
func (l *language) heldIn(st *status.Status, rec *campaign.Record) []held {
	var all []held
	for _, h := range st.Holds {
		one := held{Hold: h, Words: h.Text, English: true}
		if l.codes != nil {
			one.Words, one.English = l.particular(h, st, rec)
		}
		all = append(all, one)
	}
	return all
}

func (l *language) particular(h status.Hold, st *status.Status, rec *campaign.Record) (words string, english bool) {
	switch h.What {
	case status.HoldHalted, status.HoldCircuit:
		words, english = l.meaning(h.Code, h.Text)
		if !english && h.What == status.HoldHalted && st.HaltedRow > 0 {
			words = l.say("hold.row", st.HaltedRow, words)
		}
		return words, english
	case status.HoldPaused:
		if rec.By != "" {
			return l.say("hold.by", rec.By), false
		}
	case status.HoldThrottled:
		if st.Pace.PausedUntil == nil {
			return l.say("hold.factor", int(math.Round(100*st.Pace.Factor))), false
		}
	}
	return "", false
}
