package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"sluice/internal/sender"
)

// A templateView is a template of a sender's account.
type templateView struct {
	Name     string          `json:"name"`
	Language string          `json:"language"`
	Status   string          `json:"status"`
	Category string          `json:"category"`
	Quality  string          `json:"quality"`
	Parts    string          `json:"parts"`    // what it is made of, for a person
	Template json.RawMessage `json:"template"` // as the provider tells it; null where it does not
}

// templates lists the templates of a sender's account, where its provider can be asked.
func (s *Server) templates(c *call) error {
	name := c.r.PathValue("name")
	names, err := s.Senders()
	if err != nil {
		return err
	}
	if !c.token.Knows(name) || !slices.Contains(names, name) {
		return refusal(http.StatusNotFound, "not-found", "there is no such sender for this token")
	}
	views, asked := []templateView{}, false
	if s.Templates != nil {
		var all []sender.ListedTemplate
		if all, asked, err = s.Templates(c.ctx, name); err != nil {
			s.Log.Warn().Err(err).Str("request", c.id).Str("sender", name).Msg("could not ask for the templates")
			return later(refusal(http.StatusServiceUnavailable, "provider", "the provider did not tell its templates"), 10)
		}
		wanted := c.r.URL.Query().Get("template")
		for _, t := range all {
			if wanted != "" && t.Name != wanted {
				continue
			}
			v := templateView{Name: t.Name, Language: t.Language, Status: t.Status, Category: t.Category, Quality: t.Quality, Parts: t.Parts, Template: t.JSON}
			if !json.Valid(v.Template) || v.Template[0] != '{' {
				v.Template = json.RawMessage("null")
			}
			views = append(views, v)
		}
	}
	return c.answer(http.StatusOK, map[string]any{"asked": asked, "templates": views})
}
