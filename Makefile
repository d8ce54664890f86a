# Two commands for a newcomer: make demo, make test.
# The first build compiles the Iceberg and Parquet libraries: it takes minutes, later ones seconds.

VERSION ?= dev
export CGO_ENABLED ?= 0

BIN     := bin
CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/notionlake
LINTER  := $(CACHE)/tools/golangci-lint-v2.15.0
LDFLAGS := -s -w -X main.version=$(VERSION)
GOFLAGS_BUILD := -trimpath -ldflags "$(LDFLAGS)"

# Packages that link iceberg-go are tested without the race detector: it makes their
# binaries slow to build. The others are tested with and without it, where there is a
# C compiler, which it needs.
HAVE_CC := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo yes)
RACE_PKGS  := ./extract/... ./lake/...
PLAIN_PKGS := ./catalog/... ./cmd/...
# Of the machine's processors, for two that run at the same time.
HALF := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$(( (n + 1) / 2 )))
# Lint runs vet; without what debuggers read, programs are linked in half the time.
TEST := go test -vet=off -ldflags=-w -p $(HALF) -timeout 20m

.DEFAULT_GOAL := help
SHELL := bash -o pipefail
.PHONY: help build demo test test-catalog test-lake recorded lint interop interop-readers interop-engines interop-servers matrix bench chaos mutants fuzz clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

build: ## build bin/notionlake and bin/notionsim (static binaries)
	@[ -x $(BIN)/notionlake ] || echo "building; the first build takes minutes (Iceberg and Parquet libraries), later ones seconds"
	@mkdir -p $(BIN)
	go build $(GOFLAGS_BUILD) -o $(BIN)/ ./cmd/notionlake ./cmd/notionsim

demo: build ## load the bundled simulator's workspace twice and show the result
	$(BIN)/notionlake demo

test: ## run the tests; needs Go only
	@echo "testing; the first build takes minutes, later ones seconds"
	$(MAKE) --no-print-directory -j2 test-catalog test-lake

# Much of what catalogs are tested with waits: for a lease, for an answer.
test-catalog:
	$(TEST) -parallel 6 $(PLAIN_PKGS)

# With the detector, what is the same at any speed is looked at in part (race_test.go).
test-lake:
ifeq ($(HAVE_CC),yes)
	CGO_ENABLED=1 GOGC=400 $(TEST) -race $(RACE_PKGS)
else
	@echo "no C compiler found: testing without the race detector"
endif
	$(TEST) $(RACE_PKGS)

recorded: ## compare with recorded Notion responses (NOTION_RESPONSES names their folder)
	go test -count=1 -v -run TestRecorded ./extract ./extract/notiontest | grep -E '^ok|^FAIL|FAIL:|SKIP:|compared|no recorded'

$(LINTER):
	@echo "installing golangci-lint (once)"
	@mkdir -p $(CACHE)/tools
	GOBIN=$(CACHE)/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(CACHE)/tools/golangci-lint $@

lint: $(LINTER) ## vet, format and import rules
	$(LINTER) run ./...

interop: build ## DuckDB, PyIceberg, Spark and Trino judge several loads, cell by cell (installs what is missing, once)
	@bash testdata/interop/readers.sh >/dev/null
	$(MAKE) --no-print-directory -j3 interop-servers interop-engines interop-readers

interop-readers:
	"$$(bash testdata/interop/readers.sh)" testdata/interop/run.py $(CURDIR)/$(BIN)
	"$$(bash testdata/interop/readers.sh)" testdata/interop/meanwhile.py $(CURDIR)/$(BIN) 12

interop-engines:
	"$$(bash testdata/interop/readers.sh)" testdata/interop/matrix.py $(CURDIR)/$(BIN) short REST

interop-servers:
	"$$(bash testdata/interop/readers.sh)" testdata/interop/servers.py $(CURDIR)/$(BIN)

matrix: build ## every engine judges every load in every way, with filters, after changes by Spark (docs/matrix.md; it needs Maven, Java 17 and 25)
	"$$(bash testdata/interop/readers.sh)" testdata/interop/matrix.py $(CURDIR)/$(BIN) docs/matrix.md
	"$$(bash testdata/interop/readers.sh)" testdata/interop/meanwhile.py $(CURDIR)/$(BIN) 50
	"$$(bash testdata/interop/readers.sh)" testdata/interop/meanwhile.py $(CURDIR)/$(BIN) 50 trino
	"$$(bash testdata/interop/readers.sh)" testdata/interop/filters.py $(CURDIR)/$(BIN)
	"$$(bash testdata/interop/readers.sh)" testdata/interop/others.py $(CURDIR)/$(BIN)

bench: build ## rows per CPU second, bytes and peak memory of a whole run
	go run ./testdata/bench -bin $(BIN)

SEEDS ?= 1-50
KILLS ?= 100000
SERVER_KILLS ?= 40
FAULT_SEED ?= 0
chaos: ## hours: kills, power losses, races and random histories, everywhere (SEEDS=a-b KILLS=n)
	@echo "a load, every decision and every maintenance, cut short at every point and hurt in every way (FAULT_SEED=n)"
	GOGC=400 go test -count=1 -v -timeout 3h -run '^TestDecisions' ./catalog -sweep 1 -fault-seed $(FAULT_SEED) | grep -v '^ *=== '
	@echo "power losses at every point, in 20 ways"
	go test -count=1 -v -timeout 3h -run 'PowerLoss$$' ./catalog -power 1 -after-power 2 -subsets 20 | grep -v '^=== '
	@echo "50 rounds of 4 processes"
	go test -count=1 -v -timeout 1h -run '^TestRace$$' ./cmd/notionlake -rounds 50 | grep -v '^=== '
	@echo "400 nights"
	go test -count=1 -v -timeout 1h -run '^TestNights$$' ./catalog -nights 400 | grep -v '^=== '
	@echo "kills at up to $(KILLS) points of each command"
	go test -count=1 -v -timeout 5h -run '^TestKilled$$' ./cmd/notionlake -kills $(KILLS) | grep -v '^=== '
	@echo "kills at $(SERVER_KILLS) points of a load, and damaged tables, with warehouse and catalog on servers"
	"$$(bash testdata/interop/readers.sh)" testdata/interop/servers.py $(CURDIR)/$(BIN) sweep $(SERVER_KILLS)
	@echo "histories of the seeds $(SEEDS)"
	go test -count=1 -v -timeout 24h -run '^TestModel$$' ./catalog -seeds $(SEEDS) | grep -v '^=== '

mutants: ## seeded bugs: every one must be caught by the tests (writes docs/mutants.md)
	go run ./testdata/mutants -o docs/mutants.md

FUZZTIME ?= 30s
fuzz: ## run every fuzz target for FUZZTIME
	@set -e; for pkg in $$(go list ./lake ./extract/... ./catalog); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

clean: ## remove what make made
	rm -rf $(BIN) lake-demo
