package strictyaml

import (
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest names the key of v's type that is nearest to one that is not there, as the
// end of an error; "" where none is near.
func suggest(root string, v any, path string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	most := len(key) / 3 // edits, such as a letter that is missing
	if len(key) > 4 {
		most++ // two letters that have changed places are two
	}
	best, fewest := "", most+1
	for _, known := range keysAt(reflect.TypeOf(v), strings.TrimPrefix(strings.TrimPrefix(above(path), root), ".")) {
		if n := levenshtein.ComputeDistance(strings.ToLower(key), known); n < fewest {
			best, fewest = known, n
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// keysAt are the keys of the group at a path below a type.
func keysAt(t reflect.Type, path string) []string {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' }) {
		if t = below(t, step); t == nil {
			return nil
		}
	}
	if t = plainType(t); t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			keys = append(keys, name)
		}
		if file := t.Field(i).Tag.Get("file"); file != "" {
			keys = append(keys, file)
		}
	}
	return keys
}

// below is the type of a key's value, or of an element where step ends with ]; nil
// where there is none.
func below(t reflect.Type, step string) reflect.Type {
	switch t = plainType(t); t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name == step {
				return t.Field(i).Type
			}
		}
	case reflect.Map, reflect.Slice:
		return t.Elem()
	default:
	}
	return nil
}

func plainType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
