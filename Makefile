# `make demo` and `make test` need Python 3.11 or later and nothing else: each sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[torch,server,cpu,dev]"
	touch $@

.PHONY: help setup demo test lint serve bench-import clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## the virtual environment with everything in it

demo: setup ## train, push, rank and pull on your own machine, from nothing
	$(BIN)/python -m docs.demo

test: setup lint ## style, types, layer rules and every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup ## style, types, layer rules, file lengths
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --project pyproject.toml
	$(BIN)/lint-imports --no-cache

serve: setup ## a registry on http://127.0.0.1:8321 with its data in ./esm-registry-data
	$(BIN)/esm-server serve

bench-import: setup ## seconds that `import esm_client` takes
	$(BIN)/python tests/bench/import_time.py

clean: ## remove what demo and tests left behind, but not the virtual environment
	rm -rf .demo .pytest_cache .ruff_cache .hypothesis
