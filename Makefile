# Sluice's house work. `make` alone says what there is.
#
# Only `test` and what builds on it need more than Go: a redis-server, which
# `make deps` installs where it can.

GO       ?= go
PACKAGES ?= ./...
# Each fuzz target's time, and the soak test's.
FUZZTIME ?= 10s
SOAK     ?= 10m

TOOL = $(GO) tool -modfile=tools/go.mod

# The race detector needs cgo and a C compiler. Asked only when it is used.
RACE = $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## show the whole of it, with nothing but Go: no Redis, no provider
	$(GO) run ./cmd/demo $(ARGS)

.PHONY: build
build: ## build every program into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

.PHONY: deps
deps: ## install what the tests need (redis-server, promtool, a C compiler, chromium)
	@sh tools/deps.sh

.PHONY: test
test: deps ## run the tests but for the long ones, with the race detector
	@[ -n "$(RACE)" ] || echo "test: no C compiler here: the tests run WITHOUT the race detector" >&2
	$(GO) -C tools test $(TESTFLAGS) ./...
	SLUICE_TESTS=short $(GO) test $(RACE) -parallel 4 -timeout 30m $(TESTFLAGS) $(PACKAGES)
	$(if $(and $(RACE),$(filter ./...,$(PACKAGES))),$(GO) test $(TESTFLAGS) ./internal/phone)

.PHONY: test-long
test-long: deps ## run the long tests, with real programs
	@# What chose the tests is read before Go keeps what a test reads: the short ones' result would stand for these.
	SLUICE_TESTS=long $(GO) test -count=1 $(RACE) -parallel 4 -timeout 30m $(TESTFLAGS) ./internal/e2e

.PHONY: lint
lint: ## check the style, the formatting and the import arrows
	$(TOOL) golangci-lint run --timeout 10m $(PACKAGES)
	cd tools && $(GO) tool golangci-lint run --timeout 10m -c ../.golangci.yml ./...
	@GO="$(GO)" sh tools/arrows.sh

.PHONY: arrows
arrows: ## check the check: plant a wrong import for each arrow and see it found
	@GO="$(GO)" sh tools/arrows.sh

.PHONY: fmt
fmt: ## format the code
	$(TOOL) gofumpt -w cmd internal docs tools

.PHONY: fuzz
fuzz: ## fuzz every parser for FUZZTIME (10s) each
	GO="$(GO)" FUZZTIME="$(FUZZTIME)" sh tools/fuzz.sh

.PHONY: bench
bench: deps ## measure the programs against plain ones, into docs/bench.md
	$(GO) run ./internal/bench

.PHONY: pictures
pictures: deps ## make the docs' pictures of the page anew, by the test that drives it
	SLUICE_PICTURES="$(CURDIR)/docs" $(GO) test -count 1 -run "^TestBrowser$$" ./internal/page

.PHONY: soak
soak: deps ## run the real programs for SOAK (10m) among faults
	SOAK="$(SOAK)" $(GO) test -tags soak -run "^TestSoak(OfReceipts)?$$" -timeout 0 -v ./internal/e2e

.PHONY: cover
cover: deps ## say how much of the code the tests run (cover.out)
	$(GO) test -coverpkg ./cmd/...,./internal/... -coverprofile cover.out $(PACKAGES)
	$(GO) tool cover -func cover.out | tail -n 1

.PHONY: vuln
vuln: ## look for known vulnerabilities (needs the network)
	@GO="$(GO)" sh tools/vuln.sh

.PHONY: tidy-check
tidy-check: ## check that go.mod and go.sum say exactly what is used
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff

.PHONY: up
up: ## start Redis, a worker, the API and the receiver in containers (docs/compose.md)
	docker compose up --build --detach

.PHONY: down
down: ## stop them again; the campaigns stay in Redis' volume
	docker compose down

.PHONY: clean
clean: ## remove what was built
	rm -rf bin cover.out
