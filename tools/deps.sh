#!/bin/sh
# Installs what the tests need beside Go: redis-server (they run against a real
# one), promtool (it tests the alerts), a C compiler (the race detector links with
# it) and chromium with a font of Chinese (the page is looked at in a real browser).
# What is there is left alone. Where it cannot install, it says what to install, and
# fails only for redis-server: without a compiler the tests run without the race
# detector, without promtool the test of the alerts fails and says so, and without a
# browser nobody looks at the page.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
browser() { have chromium || have chromium-browser || have google-chrome || have google-chrome-stable; }

need=
have redis-server || need="redis-server"
if ! have "${CC:-gcc}"; then
	need="$need gcc libc6-dev"
fi
have make || need="$need make"
have promtool || need="$need prometheus"
want=
browser || want="chromium fonts-wqy-zenhei"
[ -n "$need$want" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ] && have sudo && sudo -n true 2>/dev/null; then
	as_root="sudo -n"
fi
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"; }
if have apt-get && { [ "$(id -u)" = 0 ] || [ -n "$as_root" ]; }; then
	echo "deps: installing $need $want"
	export DEBIAN_FRONTEND=noninteractive
	# A new machine's package list is empty or old. A list that cannot be
	# refreshed may still do.
	$as_root apt-get update -q || echo "deps: apt-get update failed; trying with the list that is there" >&2
	# The browser by itself: where there is none to be had, the rest is there all the same.
	# shellcheck disable=SC2086 # each word is a package
	if [ -z "$need" ] || install $need; then need=; else echo "deps: apt-get could not install $need" >&2; fi
	# shellcheck disable=SC2086
	if [ -z "$want" ] || install $want || install ${want%% *}; then want=; else echo "deps: apt-get could not install $want" >&2; fi
	[ -n "$need$want" ] || exit 0
fi

cat >&2 <<END
deps: missing here: $need $want
deps: install it and run this again:
        Debian, Ubuntu:  sudo apt-get install redis-server gcc libc6-dev make prometheus chromium
        Fedora:          sudo dnf install redis gcc glibc-devel make golang-github-prometheus chromium
        macOS:           brew install redis prometheus chromium && xcode-select --install
END
browser || echo "deps: WITHOUT A BROWSER the test that looks at the page is skipped" >&2
have redis-server || exit 1
