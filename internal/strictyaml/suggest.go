package strictyaml

import (
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest names the key of v's type that is nearest to one that is not there, as the
// end of an error, and the field that is so not missing; "" where none is near.
func suggest(root string, v any, path string) (hint string, field []string) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	most := len(key) / 3 // edits, such as a letter that is missing
	if len(key) > 4 {
		most++ // two letters that have changed places are two
	}
	best, fewest := "", most+1
	keys, filled := keysAt(reflect.TypeOf(v), strings.TrimPrefix(strings.TrimPrefix(above(path), root), "."))
	for _, known := range keys {
		if n := levenshtein.ComputeDistance(strings.ToLower(key), known); n < fewest {
			best, fewest = known, n
		}
	}
	if best == "" {
		return "", nil
	}
	field = []string{strings.TrimPrefix(above(path)+"."+best, ".")}
	if key := filled[best]; key != "" {
		field = append(field, strings.TrimPrefix(above(path)+"."+key, "."))
	}
	return "; did you mean " + best + "?", field
}

// keysAt are the keys of the group at a path below a type, and of those that name a
// file the key that is filled from it.
func keysAt(t reflect.Type, path string) (keys []string, filled map[string]string) {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' }) {
		if t = below(t, step); t == nil {
			return nil, nil
		}
	}
	if t = plainType(t); t.Kind() != reflect.Struct {
		return nil, nil
	}
	filled = map[string]string{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			keys = append(keys, name)
		}
		if file := t.Field(i).Tag.Get("file"); file != "" {
			keys, filled[file] = append(keys, file), name
		}
	}
	return keys, filled
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
