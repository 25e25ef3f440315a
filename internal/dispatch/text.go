package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CountsText writes counts by code, in order.
func CountsText(codes map[string]int) string {
	parts := make([]string, 0, len(codes))
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		parts = append(parts, fmt.Sprintf("%s ×%d", code, codes[code]))
	}
	return strings.Join(parts, ", ")
}
