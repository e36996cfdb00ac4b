# coffer's whole house-keeping. `make help` explains each target.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The packages in which goroutines meet: these run under the race detector as well.
RACE := ./internal/alerting ./internal/auditlog ./internal/groupcommit ./internal/metrics ./internal/signer/... ./internal/presence ./nonce ./wallet ./withdrawal

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build coffer and coffer-signer into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/coffer ./cmd/coffer-signer

.PHONY: man
man: ## Write the manual pages of both programs into man/
	go test ./cmd/coffer ./cmd/coffer-signer -run '^TestManPages' -count=1 -args -man $(CURDIR)/man

.PHONY: tools
tools: postgres alertmanager openssh testtools/node_modules/.done ## Install what the tests need: PostgreSQL, Alertmanager, OpenSSH, anvil, ethers, btc-signer, TypeScript

testtools/node_modules/.done: testtools/package-lock.json
	cd testtools && npm ci --no-audit --no-fund
	touch $@

.PHONY: postgres
postgres:
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null; then \
	  echo "installing PostgreSQL"; \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq postgresql; \
	fi

# Without RUNLEVEL=1 the package would start a daemon.
.PHONY: alertmanager
alertmanager:
	@if ! command -v prometheus-alertmanager >/dev/null; then \
	  echo "installing Alertmanager"; \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-alertmanager; \
	fi

.PHONY: openssh
openssh:
	@if ! command -v ssh-agent >/dev/null || ! command -v ssh-keygen >/dev/null; then \
	  echo "installing OpenSSH"; \
	  sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends openssh-client; \
	fi

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not formatted: $$bad"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# Lint has vetted all packages; go test would do it again.
.PHONY: test
test: tools lint ## Everything: lint, unit, conformance, testscript and end-to-end tests, -race where goroutines meet
	go run ./internal/store/postgres/pgtest/cmd/pgcluster -- go test -vet=off -timeout 20m ./...
	go run ./internal/store/postgres/pgtest/cmd/pgcluster -- go test -vet=off -race -short $(RACE)

.PHONY: bench
bench: tools ## Measure allocation against other ways, as ratios in one run
	go run ./bench

.PHONY: bench-compare
bench-compare: tools ## Compare this tree's speed with a revision's: make bench-compare BASE=REV
	go run ./bench/compare -base "$(BASE)"

.PHONY: mutants
mutants: tools ## Break each guard on purpose: its named test must fail
	go run ./internal/store/postgres/pgtest/cmd/pgcluster -- go run ./internal/mutants

SEEDS ?= 10000
.PHONY: sim
sim: ## Play SEEDS (10000) runs in the simulated world, and count on its chain
	go run ./sim -seeds $(SEEDS)

.PHONY: chaos
chaos: tools ## Five minutes and 20,000 payments on real parts while they are killed, frozen, cut off and filled up
	go run ./chaos -for 5m -payments 20000

.PHONY: demo
demo: ## The main job on a real chain, killed three times
	go run ./demo
