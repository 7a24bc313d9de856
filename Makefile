# Two commands from a clone: `make demo` and `make test`. Each makes .venv and fills it when it has to.

PY := .venv/bin/python
# what the user's shell says about their own stores is not for the tests
PYTEST := env -u MODELSTORE_URL -u MODELSTORE_ACTOR $(PY) -m pytest

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-slow test-ui test-formats test-dagster-matrix soak check lint format bench pins clean
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' Makefile

# dev holds all of demo: a set-up for tests serves the demo too
.venv/.ready-demo: pyproject.toml constraints.txt
	@sh tools/setup_venv.sh demo demo
	@touch $@

.venv/.ready-dev: pyproject.toml constraints.txt
	@sh tools/setup_venv.sh dev test
	@touch .venv/.ready-demo $@

demo: .venv/.ready-demo ## Train, version, promote and roll back models in ./models-demo (or MODELSTORE_URL)
	@$(PY) examples/demo.py
	@$(PY) examples/demo_pipelines.py

test: .venv/.ready-dev ## Run the tests (those of minutes apart)
	@$(PYTEST) -m "not slow and not soak and not ui"

test-slow: .venv/.ready-dev ## Run the tests that take minutes
	@$(PYTEST) -m "slow and not soak and not ui"
	@sh tools/test_runners.sh

test-ui: .venv/.ready-dev ## Use the orchestrators' pages in a browser; PICTURES=1 takes the guides' pictures anew
	@MODELSTORE_PICTURES=$(PICTURES) $(PYTEST) -m ui tests/ui

test-formats: ## Try frameworks that .venv lacks, each in its own environment; FRAMEWORKS=torch,keras selects
	@$${PYTHON:-python3} tools/test_formats.py

test-dagster-matrix: .venv/.ready-dev ## Run Dagster's tests with the Dagsters 1.11, 1.12 and 1.13; DAGSTER=1.11.16 selects
	@$(PY) tools/test_dagster.py

EFFORT ?= 1
soak: .venv/.ready-dev ## Try to break the protocol for about an hour, or EFFORT=n times as long
	@MODELSTORE_SOAK=$(EFFORT) $(PYTEST) --timeout 0 tests/protocol tests/properties tests/concurrency tests/maintenance

check: lint test ## Everything that must be green before a change is merged

lint: .venv/.ready-dev ## Style, formatting, types and import contracts
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo

format: .venv/.ready-dev ## Format the code and mend what can be mended
	@$(PY) -m ruff format
	@$(PY) -m ruff check --fix

bench: .venv/.ready-dev ## Measure the budgets and the peers into docs/benchmarks.md; `make bench ARGS=--quick` keeps nothing
	@$(PY) -m benchmarks.run $(ARGS)

pins: .venv/.ready-dev ## Resolve constraints.txt anew; `make pins UPGRADE=--upgrade` takes newer versions
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header $(UPGRADE) \
		--extra dev --group setup pyproject.toml -o constraints.txt

clean: ## Remove .venv, the demo's store and what tools leave behind
	@rm -rf .venv .venv-bench .venv-dagster .venv-runners .node models-demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* dist build
	@find core plugins tests examples benchmarks tools -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
