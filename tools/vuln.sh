#!/bin/sh
# Looks for known vulnerabilities in what the programs really call. It fails when
# it finds one. Where the vulnerability database cannot be reached it says so and
# passes: that is a fact about the network, not about the code.
set -eu

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
"${GO:-go}" tool -modfile=tools/go.mod govulncheck ./... >"$out" 2>&1 || status=$?
cat "$out"
if [ "$status" != 0 ] && grep -qE 'fetching vulnerabilities|vuln\.go\.dev' "$out" && ! grep -q '^Vulnerability #' "$out"; then
	echo "vuln: NOT CHECKED: the vulnerability database cannot be reached from here" >&2
	exit 0
fi
exit "$status"
