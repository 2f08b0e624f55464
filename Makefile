# lifthouse: `make build` runs the main job, `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
DATA ?= data/demo
USERS ?= 40000
DAYS ?= 44
SEED ?= 42
FULL ?=

export DATA
# Empty is as good as unset.
ifndef LIFTHOUSE_WAREHOUSE
override LIFTHOUSE_WAREHOUSE := warehouse/lifthouse.duckdb
endif
export LIFTHOUSE_WAREHOUSE
export PYTHONWARNINGS ?= ignore::DeprecationWarning

INSTALLED := .venv/installed
# The demo's data are made where they are asked for.
ifeq ($(patsubst %/,%,$(DATA)),data/demo)
DEMO := data/demo/truth/manifest.json
endif
# The folder DATA, whatever it is called: the shell reads it from the environment. Without a slash at its end, or tables would remember
# another folder. It may bring its own settings in vars.yml, and its own registry of experiments, with metrics beside it.
READ_INPUT = \
	folder="$$(printf %s "$$DATA" | sed 's:/*$$::')"; \
	[ -d "$$folder" ] || { echo "lifthouse: DATA == '$$DATA' is no folder. Expected: the folder of your events. Make it, or correct the name." >&2; exit 2; }; \
	vars="input_folder: '$$(printf %s "$$folder" | sed "s/'/''/g")'"; \
	if [ -e "$$folder/vars.yml" ] || [ -L "$$folder/vars.yml" ]; then \
		echo "lifthouse: vars of $$folder/vars.yml"; \
		vars="$$(cat "$$folder/vars.yml")"$$'\n'"$$vars"; \
	fi; \
	if [ -n "$${LIFTHOUSE_REGISTRY:-}" ]; then \
		echo "lifthouse: registry of $$LIFTHOUSE_REGISTRY"; \
	elif [ -e "$$folder/registry" ]; then \
		case "$$folder" in *\'*) echo "lifthouse: dbt can't read $$folder/registry. Expected: no apostrophe in DATA. Rename the folder." >&2; exit 2;; esac; \
		echo "lifthouse: registry of $$folder/registry"; \
		LIFTHOUSE_REGISTRY="$$(realpath --relative-to=. "$$folder/registry")"; \
		export LIFTHOUSE_REGISTRY; \
	else \
		echo "lifthouse: registry of seeds/"; \
	fi; \
	for table in $$(cd seeds; echo *.csv); do \
		registry="$${LIFTHOUSE_REGISTRY:-seeds}"; \
		[ -e "$$registry/$$table" ] || { echo "lifthouse: $$registry/$$table is not there. Expected: all tables of a registry. Write it: its header alone is enough, as in seeds/$$table." >&2; exit 2; }; \
	done
# Nothing to add to yet, or asked for: build in full, and test every row rather than the latest.
REFRESH = $$(if [ -n "$(filter-out 0 no false,$(FULL))" ] || [ ! -e "$$LIFTHOUSE_WAREHOUSE" ]; then echo --full-refresh; fi)

.PHONY: help
help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATA=folder  your events, exposures, users, items, observations, with vars.yml and registry/ (default: generated demo data)"
	@echo "  FULL=1  rebuild from scratch   PYTHON=python3.11  where python3 is another   USERS, DAYS, SEED  of the demo, before it is made"
	@echo "  LIFTHOUSE_WAREHOUSE, LIFTHOUSE_CORES, LIFTHOUSE_MEMORY (e.g. 6GB) move and bound the warehouse"

.PHONY: setup
setup: $(INSTALLED) ## Create .venv with the pinned packages

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and f"lifthouse: $(PYTHON) is Python {sys.version.split()[0]}. Expected: 3.11. Install it and name it: make build PYTHON=python3.11")'
	@echo "lifthouse: installing pinned packages into .venv (about a minute)"
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

data/demo/truth/manifest.json: | $(INSTALLED)
	.venv/bin/lifthouse demo --out data/demo --users $(USERS) --days $(DAYS) --seed $(SEED)

# Unit tests are of the SQL and not of the data: `make test` runs them.
.PHONY: build
build: $(INSTALLED) $(DEMO) ## Build, test and publish the warehouse
	@$(READ_INPUT); .venv/bin/dbt build $(REFRESH) --exclude-resource-type unit_test --vars "$$vars"

.PHONY: test
test: $(INSTALLED) lint ## Everything CI runs: lint, types, parse, tests
	.venv/bin/pytest --numprocesses auto --no-loadscope-reorder

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

.PHONY: registry
registry: ## Begin DATA/registry, for your experiments in place of the demo's: four tables without rows
	@folder="$$DATA/registry"; \
	[ -d "$$DATA" ] || { echo "lifthouse: DATA == '$$DATA' is no folder. Expected: the folder of your events. Make it, or correct the name." >&2; exit 2; }; \
	[ ! -e "$$folder" ] || { echo "lifthouse: $$folder is there already. Nothing was changed." >&2; exit 2; }; \
	mkdir "$$folder"; \
	for table in $$(cd seeds; echo *.csv); do head -n 1 "seeds/$$table" > "$$folder/$$table"; echo "$$folder/$$table"; done

.PHONY: report
report: $(INSTALLED) ## Write the published marts as a page: report.html beside them
	.venv/bin/lifthouse report

.PHONY: docs
docs: $(INSTALLED) $(DEMO) ## Generate the catalogue of every table and column into target/
	@$(READ_INPUT); .venv/bin/dbt docs generate --static --vars "$$vars"

.PHONY: lock
lock: $(INSTALLED) ## Resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

# The demo's, with what a build that was killed leaves. Everything else in data/ and warehouse/ is somebody's own.
DEMO_FILES = data/demo data/.demo.* warehouse/{lifthouse,marts}.duckdb{,.wal,.tmp,.next,.next.wal,.plan} warehouse/{features,report.html}
.PHONY: clean
clean: ## Remove everything that was made, the demo included; your data and warehouses stay
	rm -rf .venv .cache target logs .mypy_cache .pytest_cache .ruff_cache src/*.egg-info $(DEMO_FILES)
