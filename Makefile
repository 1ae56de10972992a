# Mainstay. `make run` builds everything and starts it; `make test` proves it.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
# Steps share two cores and one build cache; they run in the order written.
.NOTPARALLEL:

GO      ?= go
NPM     ?= npm
LISTEN  ?= 127.0.0.1:8080
DATA    ?= ./data
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Large libraries of which a request meets little are compiled without inlining: a
# megabyte less, and nothing that is measured gets slower.
COLD     := k8s.io github.com/danielgtaylor github.com/riverqueue github.com/gogo github.com/aws github.com/Azure github.com/google \
            cloud.google.com codeberg.org github.com/spf13 github.com/yuin github.com/microcosm-cc github.com/prometheus/prometheus/discovery \
            github.com/go-ldap github.com/wneessen filippo.io github.com/go-sql-driver golang.org/x/text
GCFLAGS  := $(foreach p,$(COLD),-gcflags=$(p)/...=-l)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Pinned: the same findings on every machine. Built from source once, in about a minute.
GOLANGCI_VERSION := v2.15.0
GOLANGCI         := .cache/tools/golangci-lint-$(GOLANGCI_VERSION)

# The race detector is slow; it runs where goroutines share memory.
RACE_ROOMS := /internal/(core/(clock|event|job|live|db|search|file|account|record)|observe|respond|adapter/(probe|notify))(/|$$)

UI_INDEX := internal/webui/dist/index.html.br
NM_STAMP := web/node_modules/.mainstay-stamp
UI_SRC    = $(shell find web -type d \( -name node_modules -o -name dist -o -name test -o -name e2e -o -name tools -o -name .shots \) -prune -o -type f ! -name '*.test.*' -print 2>/dev/null)

.PHONY: help
help: ## list what can be made
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 14

.PHONY: run
run: deps-run build ## build what changed and serve on 127.0.0.1:8080 with ./data
	exec bin/mainstay serve --listen $(LISTEN) --data $(DATA)

.PHONY: build
build: ui ## build bin/mainstay with the web interface in it
	CGO_ENABLED=0 $(GO) build -trimpath $(GCFLAGS) -ldflags '$(LDFLAGS)' -o bin/mainstay ./cmd/mainstay

# What the program is built for besides this machine.
PLATFORMS ?= linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64

.PHONY: dist
dist: ui ## build bin/dist/mainstay-PLATFORM for each platform
	@mkdir -p bin/dist
	@for p in $(PLATFORMS); do \
	  out=bin/dist/mainstay-$$p; case $$p in windows-*) out=$$out.exe;; esac; echo "$$out"; \
	  CGO_ENABLED=0 GOOS=$${p%-*} GOARCH=$${p#*-} $(GO) build -trimpath $(GCFLAGS) -ldflags '$(LDFLAGS)' -o $$out ./cmd/mainstay; \
	done

.PHONY: ui
ui: $(UI_INDEX) ## build the web interface when its sources changed

$(UI_INDEX): $(UI_SRC) $(NM_STAMP)
	$(NPM) --prefix web run build
	@touch internal/webui/dist/.keep $@

# Packages of the web interface, fetched only when the lock file changed.
$(NM_STAMP): web/package-lock.json
	$(NPM) --prefix web ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

.PHONY: test
test: deps-test lint test-go check-gen test-ui test-e2e ## install what tests need and run all of them
	@echo "make test: all good"

.PHONY: test-go
test-go: ## Go tests, with the race detector where it pays
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) vet ./internal/core/procrun ./internal/agent/...
	CGO_ENABLED=1 scripts/with-postgres.sh $(GO) test -race -timeout 15m $$($(GO) list ./... | grep -E '$(RACE_ROOMS)')
	CGO_ENABLED=0 scripts/with-postgres.sh $(GO) test -timeout 15m $$($(GO) list ./... | grep -vE '$(RACE_ROOMS)')

.PHONY: test-ui
test-ui: $(NM_STAMP) ## unit tests of the web interface
	$(NPM) --prefix web test

.PHONY: test-e2e
test-e2e: build ## the real binary in a real browser
	$(NPM) --prefix web run e2e

.PHONY: lint
lint: $(GOLANGCI) $(NM_STAMP) ## golangci-lint and Biome
	$(GOLANGCI) run --allow-parallel-runners ./...
	$(NPM) --prefix web run lint

.PHONY: fix
fix: $(GOLANGCI) $(NM_STAMP) ## format, and repair what the linters can repair
	$(GOLANGCI) run --allow-parallel-runners --fix ./...
	$(NPM) --prefix web run fix

$(GOLANGCI):
	@mkdir -p $(@D)
	GOBIN=$(abspath $(@D)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(@D)/golangci-lint $@

.PHONY: gen
gen: $(NM_STAMP) ## write api/openapi.json and the clients made from it
	@mkdir -p api
	$(GO) run ./cmd/mainstay openapi > api/openapi.json.new
	@mv api/openapi.json.new api/openapi.json
	$(NPM) --prefix web run gen:api

# Everything that gen writes, as one checksum.
GENERATED = find api web/src -type f \( -path 'api/*' -o -path '*/gen/*' -o -name schema.d.ts \) | LC_ALL=C sort | xargs cat | cksum

.PHONY: check-gen
check-gen: ## fail when generated files are older than the code
	@before="$$($(GENERATED))"; $(MAKE) --no-print-directory gen; \
	if [ "$$before" != "$$($(GENERATED))" ]; then \
	  echo "Generated files were out of date and are now written again. Look at them and commit them." >&2; exit 1; fi

.PHONY: bench
bench: deps-bench build ## measure, side by side with the programs people use instead
	$(GO) run ./bench

.PHONY: deps-run deps-test deps-bench
deps-run deps-test deps-bench: deps-%:
	@scripts/install-deps.sh --$*

.PHONY: clean
clean: ## remove what was built; ./data stays
	rm -rf bin .cache web/node_modules web/tools/*/node_modules
	find internal/webui/dist -mindepth 1 ! -name .keep -delete
