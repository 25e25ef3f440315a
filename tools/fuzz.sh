#!/bin/sh
# Runs every fuzz target of the program for FUZZTIME each, one after the other:
# go test fuzzes one at a time. A new target is found by its name.
set -eu

found=0
for file in $(grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' cmd internal | sort); do
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file"); do
		found=$((found + 1))
		echo "fuzz: $target in $(dirname "$file"), ${FUZZTIME:=10s}"
		"${GO:-go}" test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "./$(dirname "$file")"
	done
done
[ "$found" -gt 0 ] || { echo "fuzz: there is no fuzz target" >&2; exit 1; }
echo "fuzz: $found targets, nothing found"
