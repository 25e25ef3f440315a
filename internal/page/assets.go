package page

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
)

// An asset is a file that pages load, under a name that changes with what is in it.
type asset struct {
	data, media string
	version     string
}

func loadAssets() (map[string]asset, error) {
	all := map[string]asset{}
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("reading the assets: %w", err)
	}
	for _, f := range files {
		data, err := assetFiles.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the assets: %w", err)
		}
		sum := sha256.Sum256(data)
		all[f.Name()] = asset{data: string(data), media: mediaOf(f.Name()), version: hex.EncodeToString(sum[:6])}
	}
	return all, nil
}

// mediaOf does not ask the machine, whose table may be any.
func mediaOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// asset answers with a file. Whoever asks for the version that is here may keep it.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("name")]
	if !ok {
		s.nowhere(w, r)
		return
	}
	w.Header().Set("Content-Type", a.media)
	if r.URL.Query().Get("v") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write([]byte(a.data)) // the browser may be gone
}
