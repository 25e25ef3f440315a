#!/bin/sh
# Installs what the tests need beside Go: redis-server (they run against a real
# one), promtool (it tests the alerts) and a C compiler (the race detector links
# with it). What is there is left alone. Where it cannot install, it says what to
# install, and fails only for redis-server: without a compiler the tests run without
# the race detector, and without promtool the test of the alerts fails and says so.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

need=
have redis-server || need="redis-server"
if ! have "${CC:-gcc}"; then
	need="$need gcc libc6-dev"
fi
have make || need="$need make"
have promtool || need="$need prometheus"
[ -n "$need" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ] && have sudo && sudo -n true 2>/dev/null; then
	as_root="sudo -n"
fi
if have apt-get && { [ "$(id -u)" = 0 ] || [ -n "$as_root" ]; }; then
	echo "deps: installing $need"
	export DEBIAN_FRONTEND=noninteractive
	# A new machine's package list is empty or old. A list that cannot be
	# refreshed may still do.
	$as_root apt-get update -q || echo "deps: apt-get update failed; trying with the list that is there" >&2
	# shellcheck disable=SC2086 # each word is a package
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $need && exit 0
	echo "deps: apt-get could not install $need" >&2
fi

cat >&2 <<END
deps: missing here: $need
deps: install it and run this again:
        Debian, Ubuntu:  sudo apt-get install redis-server prometheus gcc libc6-dev make
        Fedora:          sudo dnf install redis golang-github-prometheus gcc glibc-devel make
        macOS:           brew install redis prometheus && xcode-select --install
END
have redis-server || exit 1
