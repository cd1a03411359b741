# `make demo` and `make test` need Python 3.11 or later and nothing else: each sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip  # older ones know no groups
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[torch,study,server,traces,cpu]" --group dev
	touch $@

.PHONY: help setup demo test test-all test-slow test-backends test-postgresql test-s3 test-postgresql-s3 coverage lint lint-style lint-types serve bench-import bench-engine bench-index bench-server fault-test clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## the virtual environment with everything in it

demo: setup ## train, push, rank and pull on your own machine, from nothing
	$(BIN)/python -m docs.demo

# One worker per core, four at most. What measures time or memory, turns clocks or owns a server is
# marked xdist_group("serial"), and stays with one worker.
WORKERS ?= logical
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup

test: lint ## style, types, layer rules and the fast tests: all logic
	$(PYTEST) -m "not slow" $(COVERAGE) $(PYTEST_ARGS)

test-all: test test-slow test-postgresql-s3 ## everything else too: trainings, faults, fuzzing, other back ends

test-slow: setup ## the slow tests alone
	$(PYTEST) -m slow $(PYTEST_ARGS)

coverage: COVERAGE = --cov --cov-report=term
coverage: test ## `make test` that also measures which lines ran, and fails below `fail_under` in pyproject.toml

# The server's tests on other back ends, but for what neither the database nor the store has a say in,
# and for slow tests, most of which choose theirs themselves.
ON_BACK_ENDS = $(PYTEST) -m "not slow" tests/server tests/access tests/integration \
	$(addprefix --ignore=tests/server/,connections engine index) \
	$(patsubst %,--ignore=tests/server/test_server_%.py,bad_requests bodies database_url entry_points imports one_per_database pages process) \
	--ignore=tests/integration/test_local_ranking.py $(PYTEST_ARGS)

test-backends: test-postgresql test-s3 test-postgresql-s3 ## the server's tests on the other combinations of back ends

test-postgresql: setup
	ESM_TEST_DATABASE=postgresql $(ON_BACK_ENDS)

test-s3: setup
	ESM_TEST_STORAGE=s3 $(ON_BACK_ENDS)

test-postgresql-s3: setup
	ESM_TEST_DATABASE=postgresql ESM_TEST_STORAGE=s3 $(ON_BACK_ENDS)

lint: setup ## style, types, layer rules
	@$(MAKE) --no-print-directory --jobs 2 lint-types lint-style

lint-types: setup
	$(BIN)/basedpyright --project pyproject.toml

lint-style: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

serve: setup ## a registry on http://127.0.0.1:8321 with its data in ./esm-registry-data
	$(BIN)/esm-server serve

bench-import: setup ## seconds that `import esm_client` takes
	$(BIN)/python tests/bench/import_time.py

PEER ?= .peer/bin/python
.peer/bin/python: # hf-dataset-selector needs a numpy of its own
	$(PYTHON) -m venv .peer
	.peer/bin/pip install --quiet torch==2.13.0 hf-dataset-selector==0.2.1 numpy==2.0.0 "scipy<1.18"

bench-engine: setup $(PEER) ## the engine against hf-dataset-selector (PEER=PYTHON: where that is installed)
	$(BIN)/python tests/bench/engine.py --peer $(PEER)

bench-index: setup ## prefilters on real maps (POOL and TARGETS: see tests/bench/real_pool.py)
	$(BIN)/python tests/bench/prefilter.py --pool $(POOL) --targets $(TARGETS)

bench-server: setup ## rankings a second under 1, 8 and 64 clients
	$(BIN)/python tests/bench/server.py

fault-test: setup ## kill and spoil the server and what it runs on, on every combination of back ends
	$(BIN)/python tests/faults/run.py

clean: ## remove what demo and tests left behind, but not the virtual environment
	rm -rf .demo .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
