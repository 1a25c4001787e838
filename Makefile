.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STAMP := .venv/.installed
DASHBOARD := frontend/dist/index.html

.PHONY: help install up test check format bench chaos client pins clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

install: $(STAMP) $(DASHBOARD) ## Set everything up in .venv and build the dashboard

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make install PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install -c constraints.txt --group dev -e '.[local,aws]'
	@touch $(STAMP)

$(DASHBOARD): $(STAMP) $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o -type f -print)
	sh frontend/build.sh

up: install ## Run the product on this machine with embedded defaults
	$(BIN)/python -m local $(ARGS)

test: install ## Run every test
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## Check format, lint, types, import contracts, pins, Lua and the dashboard
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.pins --check
	$(BIN)/python -m tests.luacheck
	sh frontend/build.sh check

format: $(STAMP) ## Rewrite the code in house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure and print ratios
	$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(STAMP) ## Ten minutes of killed workers, cut connections and a dying Redis, judged from outside
	$(BIN)/python -m tests.chaos --seconds 600 $(ARGS)

client: $(STAMP) ## Write a typed TypeScript producer: make client OUT=dtq.ts HANDLERS=my_app.handlers
	$(BIN)/python -m worker_host.typescript --handlers "$(HANDLERS)" --out "$(or $(OUT),dtq.ts)"

pins: $(STAMP) ## Renew the tested versions from what is installed
	$(BIN)/python -m tests.pins

clean: ## Remove what was built; the tasks in .data stay
	rm -rf .venv build *.egg-info frontend/node_modules frontend/dist
