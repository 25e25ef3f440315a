package nxcloud

import (
	"encoding/json"
	"strings"
	"time"

	"sluice/internal/sender"
)

// events reads an event's value, as far as it is documented. One of another shape
// says nothing, and costs nothing else.
func events(kind string, value json.RawMessage) []sender.Event {
	var v struct {
		Event    string `json:"event"`
		Name     string `json:"message_template_name"`
		Language string `json:"message_template_language"`
		Reason   string `json:"reason"`
		Time     scalar `json:"time"`
		Quality  string `json:"new_quality_score"`
		Category string `json:"new_category"`
		Ban      struct {
			State string `json:"waba_ban_state"`
		} `json:"ban_info"`
		Decision string `json:"decision"`
		DayLimit scalar `json:"max_daily_conversations_per_business"`
		// As Meta has it; the vendor publishes no example.
		Preferences []struct {
			Phone     scalar `json:"wa_id"`
			Category  string `json:"category"`
			Value     string `json:"value"`
			Timestamp scalar `json:"timestamp"`
		} `json:"user_preferences"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return nil
	}
	at := seconds(string(v.Time))
	switch kind {
	case "message_template_status_update":
		if e, ok := sender.TemplateEvent(v.Name, v.Language, v.Event, v.Reason, at); ok {
			return []sender.Event{e}
		}
	case "account_update":
		return []sender.Event{sender.AccountEvent(v.Event, v.Ban.State, at)}
	case "message_template_quality_update":
		if v.Quality != "GREEN" {
			return []sender.Event{sender.WarningOf("TEMPLATE_QUALITY", v.Quality, at)}
		}
	case "template_category_update":
		return []sender.Event{sender.WarningOf("TEMPLATE_CATEGORY", v.Category, at)}
	case "phone_number_quality_update":
		all := []sender.Event{sender.WarningOf("NUMBER_QUALITY", v.Event, at)}
		if e, ok := sender.DayLimitEvent(string(v.DayLimit), at); ok {
			all = append(all, e)
		}
		return all
	case "account_review_update":
		return []sender.Event{sender.WarningOf("ACCOUNT_REVIEW", v.Decision, at)}
	case "user_preferences":
		var all []sender.Event
		for _, p := range v.Preferences {
			e := sender.Event{Phone: digitsOf(string(p.Phone)), Time: seconds(string(p.Timestamp))}
			switch strings.ToLower(p.Value) {
			case "stop":
				e.Kind = sender.OptOut
			case "resume":
				e.Kind = sender.OptIn
			}
			if e.Kind != 0 && e.Phone != "" && p.Category == "marketing_messages" {
				all = append(all, e)
			}
		}
		return all
	}
	return nil
}

// seconds reads a time in Unix seconds; zero for what is none.
func seconds(text string) time.Time {
	r, ok := unixTime(text)
	if !ok {
		return time.Time{}
	}
	return r
}
