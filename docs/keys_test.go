package docs_test

import (
	"reflect"
	"strings"
)

// show notes each key below v that has a value, as its struct and its name.
func show(shown map[string]bool, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			show(shown, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			show(shown, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if key := keyOf(v.Type().Field(i)); key != "" && !v.Field(i).IsZero() {
				shown[v.Type().Name()+"."+key] = true
				show(shown, v.Field(i))
			}
		}
	}
}

// keys are all keys that a file of this type may have, by struct and name.
func keys(all map[string]string, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "" {
			all[t.Name()+"."+key] = key
			keys(all, t.Field(i).Type)
		}
	}
}

// keyOf is a field's name in the file, or "" if it has none there.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.TrimPrefix(key, "-")
}
