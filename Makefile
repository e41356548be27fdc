# The commands that people and CI run. Each does its own set-up, so that it works in a fresh clone.
# Works with GNU make 3.81, which macOS ships; anything longer than a line is a script.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo build test test-clients test-grafana test-matrix lint bench bench-baselines bench-capture bench-client bench-deadlocks bench-detect bench-diff bench-predictions bench-rules bench-scan bench-seed bench-verdicts clean
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: ## Run all four scenarios on the sample shop; the report is in dbproof-output/
	@scripts/demo $(ARGS)

build: ## Build the dbproof program with optimisations: target/release/dbproof
	@scripts/build

test: lint ## Run the checks of make lint, then every test, on a throw-away PostgreSQL
	@scripts/test

test-clients: ## Watch real clients, looped and eager (ARGS="django sqlx" for some, --list for names)
	@scripts/test-clients $(ARGS)

test-grafana: ## Check the dashboards on a real store and Prometheus, the Compose file and the Dockerfile
	@scripts/test-grafana

test-matrix: ## Test on PostgreSQL 14 to 18 (ARGS="17 18" for some), whatever is installed
	@scripts/test-matrix $(ARGS)

lint: ## Check formatting, clippy, documentation, shell scripts and workflows
	@scripts/lint

bench-baselines: ## Measure what holding plans against accepted ones costs; not part of the tests
	@scripts/bench-baselines $(ARGS)

bench-capture: ## Measure what the tee costs, beside PgBouncer (ARGS="ROUNDS TRANSACTIONS together"); not part of the tests
	@scripts/bench-capture $(ARGS)

bench: ## Run every benchmark in turn (ARGS="client diff" for some); no part of the tests
	@scripts/bench $(ARGS)

bench-verdicts: ## Measure how often regress is wrong (ARGS=20 runs a row); not part of the tests
	@scripts/bench-verdicts $(ARGS)

bench-client: ## Measure the measuring connection beside tokio-postgres and pgbench (ARGS=20 rounds)
	@scripts/bench-client $(ARGS)

bench-deadlocks: ## Measure every deadlock shape and the storm (ARGS=20 runs); not part of the tests
	@scripts/bench-deadlocks $(ARGS)

bench-predictions: ## Hold predicted deadlocks against brute force (ARGS="search NAME" for brute force anew)
	@scripts/bench-predictions $(ARGS)

bench-rules: ## Judge recorded noise by every rule: false alarms and power side by side
	@scripts/bench-rules

bench-detect: ## Measure the N+1 detector's speed and memory (ARGS=10000000 executions)
	@scripts/bench-detect $(ARGS)

bench-diff: ## Measure how long the diff of two plans of 200 nodes takes
	@scripts/bench-diff

bench-scan: ## Measure what reading the bytes of a session costs, without sockets
	@scripts/bench-scan
bench-seed: ## Measure how fast seeding is, beside pgbench and COPY (ARGS="ROWS ROUNDS"); not part of the tests
	@scripts/bench-seed $(ARGS)

clean: ## Remove everything that was built and the demo's output
	@rm -rf target dbproof-output
