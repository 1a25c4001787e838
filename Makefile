.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install up test check format dev bench clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

install: $(STAMP) frontend/dist/index.html ## Set everything up in .venv and build the dashboard

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev -e '.[local,aws]'
	touch $(STAMP)

frontend/dist/index.html: $(STAMP) $(shell find frontend/src frontend/index.html frontend/package.json -type f 2>/dev/null)
	sh frontend/build.sh

up: install ## Run the product on this machine with embedded defaults
	$(BIN)/python -m local $(ARGS)

test: install ## Run every test
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## Format, lint, types, import contracts, Lua
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.luacheck

format: $(STAMP) ## Rewrite the code in house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure and print ratios
	$(BIN)/python -m tests.benchmarks $(ARGS)

clean: ## Remove what was built, keep .data
	rm -rf $(VENV) build frontend/node_modules frontend/dist
