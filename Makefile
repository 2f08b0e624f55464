# lifthouse: `make build` runs the main job, `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

DATA ?= data/demo
USERS ?= 40000
DAYS ?= 44
SEED ?= 42
FULL ?=

export LIFTHOUSE_WAREHOUSE ?= warehouse/lifthouse.duckdb
export PYTHONWARNINGS ?= ignore::DeprecationWarning

INSTALLED := .venv/installed
# A folder of input may bring its own settings in vars.yml.
VARS = $$(cat $(DATA)/vars.yml 2>/dev/null; echo; echo 'input_folder: $(DATA)')
# So may it bring its own registry of experiments, with metrics beside it.
export LIFTHOUSE_REGISTRY ?= $(if $(wildcard $(DATA)/registry),$(shell realpath --relative-to=. $(DATA)/registry),seeds)
# Nothing to add to yet, or asked for: build in full, and test every row rather than the latest.
REFRESH = $$(if [ -n "$(FULL)" ] || [ ! -e "$(LIFTHOUSE_WAREHOUSE)" ]; then echo --full-refresh; fi)

.PHONY: help
help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATA=folder  your events, exposures, users, items (default: generated demo data)   FULL=1  rebuild from scratch"
	@echo "  LIFTHOUSE_WAREHOUSE, LIFTHOUSE_CORES, LIFTHOUSE_MEMORY (e.g. 6GB) move and bound the warehouse"

.PHONY: setup
setup: $(INSTALLED) ## Create .venv with the pinned packages

$(INSTALLED): requirements.lock pyproject.toml
	@echo "lifthouse: installing pinned packages into .venv (about a minute)"
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

data/demo/truth/manifest.json: | $(INSTALLED)
	.venv/bin/lifthouse demo --out data/demo --users $(USERS) --days $(DAYS) --seed $(SEED)

# Unit tests are of the SQL and not of the data: `make test` runs them.
.PHONY: build
build: $(INSTALLED) $(if $(filter data/demo,$(DATA)),data/demo/truth/manifest.json) ## Build, test and publish the warehouse
	.venv/bin/dbt build $(REFRESH) --exclude-resource-type unit_test --vars "$(VARS)"

.PHONY: test
test: $(INSTALLED) lint ## Everything CI runs: lint, types, parse, tests
	.venv/bin/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: lint
lint: $(INSTALLED) ## Style and types of SQL and Python, and a parse without warnings
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/dbt --warn-error parse --no-partial-parse
	.venv/bin/sqlfluff lint --processes 2 models analyses tests

.PHONY: bench
bench: $(INSTALLED) ## Measure speed and memory against references (minutes to an hour)
	.venv/bin/python -m benchmarks

.PHONY: docs
docs: $(INSTALLED) ## Generate the catalogue of every table and column into target/
	.venv/bin/dbt docs generate --static --vars "$(VARS)"

.PHONY: lock
lock: $(INSTALLED) ## Resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

# The demo's, with what a build that was killed leaves. Everything else in data/ and warehouse/ is somebody's own.
DEMO_FILES = data/demo data/.demo.* warehouse/{lifthouse,marts}.duckdb{,.wal,.tmp,.next,.next.wal,.plan} warehouse/features
.PHONY: clean
clean: ## Remove everything that was made, the demo included; your data and warehouses stay
	rm -rf .venv .cache target logs .mypy_cache .pytest_cache .ruff_cache src/*.egg-info $(DEMO_FILES)
