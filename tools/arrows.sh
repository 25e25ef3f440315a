#!/bin/sh
# Tests the import arrows of .golangci.yml: on a stub of the tree it plants each
# import that is forbidden and sees that it is reported, and each that is allowed
# and sees that it is not. A rule that matches no file keeps nobody from anything.
set -eu

root=$(pwd)
stub=$(mktemp -d)
trap 'rm -rf "$stub"' EXIT
GO=${GO:-go}

# Modules from elsewhere are stubs too, so that nothing is built but names.
outside="github.com/hibiken/asynq github.com/alicebob/miniredis/v2 pgregory.net/rapid go.uber.org/goleak github.com/google/go-cmp"

printf 'module sluice\n\ngo 1.26\n' >"$stub/go.mod"
for m in $outside; do
	mkdir -p "$stub/outside/$m"
	printf 'module %s\n\ngo 1.26\n' "$m" >"$stub/outside/$m/go.mod"
	printf 'package stub\n\nconst Name = ""\n' >"$stub/outside/$m/stub.go"
	version=v0.0.0
	case $m in */v2) version=v2.0.0 ;; esac
	printf 'require %s %s\nreplace %s => ./outside/%s\n' "$m" "$version" "$m" "$m" >>"$stub/go.mod"
done
# Every package that there is, so that a new one needs no line here.
for d in $(cd "$root/internal" && find . -type d ! -path "*/testdata*" ! -path . | sed "s,^./,,"); do
	mkdir -p "$stub/internal/$d"
	printf 'package stub\n\nconst Name = ""\n' >"$stub/internal/$d/stub.go"
done
mkdir -p "$stub/cmd/worker" "$stub/cmd/demo"
cp "$root/.golangci.yml" "$stub/"

n=0
: >"$stub/bad" >"$stub/good"
plant() { # plant bad|good IN IMPORT [_test]
	n=$((n + 1))
	file=$2/planted$n${4:-}.go
	import=$3
	case $import in internal/*) import=sluice/$import ;; esac
	# Beside its place, and put there in its turn: together they would import
	# each other in circles, and a circle is all that would be reported.
	printf 'package stub\n\nimport other "%s"\n\nconst planted%d = other.Name\n' "$import" "$n" >"$stub/$file.off"
	echo "$2" >>"$stub/places"
	printf '%s %s %s\n' "$file" "$2" "$3" >>"$stub/$1"
}
bad() { from=$1; shift; for to; do plant bad "internal/$from" "$to"; done; }
good() { from=$1; shift; for to; do plant good "internal/$from" "$to"; done; }

i=internal
bad phone $i/batch $i/suppress
bad batch $i/sender $i/config $i/ledger
bad ratelimit $i/batch $i/config $i/sender
bad plaintext $i/export
bad progress $i/status
bad jsonschema $i/status
bad strictyaml $i/batch $i/config
bad program $i/config $i/accounts
bad program/programtest $i/redistest
bad config $i/batch $i/sender $i/ratelimit
bad suppress $i/batch $i/campaign
bad api $i/jobs $i/worker $i/accounts $i/config $i/sender/nxcloud $i/sandbox $i/batch
bad page $i/api $i/jobs $i/worker $i/accounts $i/config $i/sender/nxcloud $i/sandbox $i/batch github.com/hibiken/asynq
bad series $i/status $i/campaign
bad session $i/desk $i/page $i/campaign
bad desk $i/api $i/page
bad figures $i/desk $i/jobs $i/config $i/sender/nxcloud
bad doctor $i/desk $i/worker $i/sender/nxcloud $i/sandbox
bad outbox $i/desk $i/campaign
bad events $i/desk $i/campaign
bad idempotency $i/api
bad parts $i/campaign $i/batch
bad token $i/campaign $i/parts
bad audit $i/desk $i/campaign $i/token
bad schema $i/batch $i/ledger
bad sandbox $i/sender $i/batch $i/sender/nxcloud $i/config
bad redistest $i/batch
bad faultpoint $i/batch
bad bench $i/batch $i/sender
bad sender $i/sender/nxcloud $i/ledger $i/config $i/ratelimit
bad sender/nxcloud $i/sender/innopaas $i/config $i/ledger $i/jobs
bad sender/innopaas $i/sender/nxcloud $i/config $i/ratelimit
bad ledger $i/campaign $i/sender/nxcloud $i/jobs $i/config
bad locate $i/campaign $i/sender $i/config $i/jobs
bad callback $i/receipt $i/ledger $i/config $i/sender/nxcloud
bad receipt $i/status $i/jobs $i/config $i/sender/nxcloud $i/sandbox
bad audience $i/sender $i/jobs $i/batch $i/status
bad told $i/receipt $i/ledger $i/campaign
bad spool $i/batch $i/ledger $i/locate
bad campaign $i/jobs $i/config $i/sender/nxcloud
bad redisclock $i/ledger $i/config
bad keys $i/ledger $i/config
bad jobs $i/accounts $i/config $i/sandbox $i/sender/nxcloud $i/sender/innopaas $i/status $i/worker $i/dispatch $i/ratelimit
bad dispatch $i/worker $i/jobs $i/accounts $i/config $i/sandbox $i/sender/nxcloud $i/sender/innopaas $i/status
bad worker $i/accounts $i/config $i/sandbox $i/sender/nxcloud $i/sender/innopaas $i/status $i/batch
bad accounts $i/jobs $i/sandbox $i/status
bad desk $i/worker $i/dispatch $i/accounts $i/config $i/sender/nxcloud $i/sandbox github.com/hibiken/asynq
bad jobs $i/desk
bad estimate $i/ledger $i/ratelimit $i/desk
bad export $i/jobs $i/campaign
bad status $i/jobs $i/config $i/sender/nxcloud
for d in batch ledger campaign status accounts sandbox worker dispatch; do bad $d github.com/hibiken/asynq; done
for d in jobs worker dispatch ledger redistest; do bad $d github.com/alicebob/miniredis/v2; done
for t in pgregory.net/rapid go.uber.org/goleak github.com/google/go-cmp $i/redistest $i/sender/sendertest; do
	bad jobs "$t"
	bad worker "$t"
	bad dispatch "$t"
	plant bad cmd/worker "$t"
done
plant bad cmd/worker $i/sandbox
plant bad cmd/worker github.com/alicebob/miniredis/v2
plant bad internal/sandbox $i/sender _test
plant bad internal/sandbox $i/batch _test

good batch $i/phone
good suppress $i/phone
good sender $i/batch
for d in ratelimit suppress ledger campaign jobs worker schema; do good $d $i/keys; done
good ratelimit $i/redisclock
good sender/nxcloud $i/sender $i/batch
good sender/innopaas $i/sender $i/batch
good ledger $i/schema $i/sender $i/batch
good config $i/strictyaml
good told $i/sender $i/keys
good callback $i/spool $i/sender
good receipt $i/told $i/suppress $i/ratelimit $i/spool $i/locate $i/campaign $i/ledger $i/sender $i/phone $i/keys
good audience $i/campaign $i/ledger $i/locate $i/phone
good locate $i/ledger $i/batch $i/keys
good campaign $i/ledger $i/sender $i/batch $i/keys $i/strictyaml
good jobs $i/campaign $i/ledger $i/batch $i/faultpoint github.com/hibiken/asynq
good dispatch $i/campaign $i/ledger $i/sender $i/batch $i/ratelimit $i/faultpoint
good worker $i/audience $i/locate $i/phone $i/schema $i/jobs $i/dispatch $i/campaign $i/ledger $i/ratelimit $i/sender
good accounts $i/config $i/ratelimit $i/sender $i/sender/nxcloud $i/sender/innopaas
good export $i/ledger
good campaign $i/phone
good api $i/desk $i/token $i/idempotency $i/parts $i/status $i/campaign $i/ledger
good page $i/audit $i/desk $i/token $i/session $i/idempotency $i/outbox $i/parts $i/status $i/campaign $i/ledger $i/export $i/sender
good series $i/keys
good desk $i/series $i/told
good page $i/series
good session $i/token $i/keys
good outbox $i/keys
good api $i/outbox $i/events $i/audit
good events $i/keys
good audit $i/keys $i/phone
good api $i/phone $i/sender
good desk $i/audit $i/token
good desk $i/outbox
good idempotency $i/keys
good parts $i/keys
good token $i/keys
good desk $i/phone $i/parts $i/spool
good figures $i/campaign $i/ledger $i/outbox $i/ratelimit $i/status
good doctor $i/accounts $i/config $i/jobs $i/ledger $i/spool
good estimate $i/campaign
good desk $i/audience $i/receipt $i/estimate $i/jobs $i/locate $i/phone $i/status $i/export $i/suppress $i/campaign $i/ledger $i/ratelimit $i/sender $i/batch
good status $i/told $i/receipt $i/campaign $i/ledger $i/ratelimit
plant good cmd/demo github.com/alicebob/miniredis/v2
plant good cmd/demo $i/sandbox
plant good cmd/worker github.com/hibiken/asynq
plant good internal/batch pgregory.net/rapid _test
plant good internal/jobs $i/redistest _test
plant good internal/ledger github.com/alicebob/miniredis/v2 _test

bin=$("$GO" tool -n -modfile="$root/tools/go.mod" golangci-lint)
for place in $(sort -u "$stub/places"); do
	for f in "$stub/$place"/*.off; do cp "$f" "${f%.off}"; done
	(cd "$stub" && "$bin" run --allow-parallel-runners --enable-only depguard "./$place" >>"$stub/out" 2>>"$stub/err") || true
	rm "$stub/$place"/planted*.go
done

wrong=0
# A new package gets a rule of its own, so that nobody forgets to think of its
# arrows. End-to-end tests may look at everything.
for d in "$root"/internal/*/; do
	d=internal/$(basename "$d")
	[ "$d" = internal/e2e ] || grep -q "files: \[\"\*\*/$d/" "$root/.golangci.yml" || { echo "arrows: .golangci.yml has no rule for $d"; wrong=$((wrong + 1)); }
done
while read -r file from to; do
	grep -q "^$file:.*depguard" "$stub/out" || { echo "arrows: $from may import $to, and must not"; wrong=$((wrong + 1)); }
done <"$stub/bad"
while read -r file from to; do
	! grep -q "^$file:.*depguard" "$stub/out" || { echo "arrows: $from may not import $to, and must"; wrong=$((wrong + 1)); }
done <"$stub/good"
if [ "$wrong" != 0 ]; then
	echo "arrows: $wrong things are wrong, of $n planted imports" >&2
	cat "$stub/err" >&2
	exit 1
fi
echo "arrows: all $n planted imports are judged rightly ($(wc -l <"$stub/bad") forbidden, $(wc -l <"$stub/good") allowed)"
