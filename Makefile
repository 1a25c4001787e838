.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# Setuptools warns of what an editable installation is; whoever reads it for the first time takes it for a fault.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --quiet --disable-pip-version-check
STAMP := .venv/.installed
DASHBOARD := frontend/dist/index.html
BOTH := -n 2 --dist loadfile

.PHONY: bench browser chaos check check-dashboard check-python clean client dev doctor format help image-check install pins scripts soak test test-coverage up vercel-check

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

install: $(STAMP) $(DASHBOARD) ## Set everything up in .venv and build the dashboard

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make install PYTHON=python3.12")'
	@echo 'Installing Python packages into .venv; the first time this takes a minute or two'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install -c constraints.txt --group dev -e '.[local,aws]'
	@touch $(STAMP)

$(DASHBOARD): $(STAMP) $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o -type f -print)
	@echo 'Building the dashboard'
	@sh frontend/build.sh

up: install scripts ## Run the product on this machine with embedded defaults
	$(BIN)/python -m local $(ARGS)

dev: install scripts ## Run it with the dashboard under Vite on port 5173: sources are taken as they are saved
	$(BIN)/python -m local --dev $(ARGS)

test: install ## Run every test, in two processes with a Redis each
	$(BIN)/python -m pytest $(BOTH) $(ARGS)

test-coverage: install ## Run every test and show which lines of the product none reaches; less than 90 % fails
	rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest $(BOTH) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

vercel-check: $(STAMP) ## Build with Vercel's own builder, start the function as its launcher does, and talk to it
	bash .ci/vercel.sh

image-check: $(STAMP) ## Build the images, run them hardened and as docker-compose.yml does (root on Debian)
	bash .ci/image.sh

doctor: $(STAMP) ## Look at the deployment that the environment names, and say what to fix
	$(BIN)/python -m shared.doctor $(ARGS)

check: $(STAMP) ## Check format, lint, types, import contracts, pins, Lua, images, shell scripts and the dashboard
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=line check-python check-dashboard

check-dashboard:
	@sh frontend/build.sh check

check-python: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.pins --check
	$(BIN)/python -m shared.scripts.build --check
	$(BIN)/python -m tests.luacheck
	if test -x $(BIN)/hadolint; then $(BIN)/hadolint Dockerfile.worker Dockerfile.api Dockerfile.web; else echo 'hadolint: no build for this machine'; fi
	$(BIN)/shellcheck .ci/*.sh .ci/run deploy/nginx/start.sh frontend/build.sh

format: $(STAMP) ## Rewrite the code in house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure and print ratios
	$(BIN)/python -m tests.benchmarks $(ARGS)

browser: install ## Test the dashboard in a real Chromium; pictures of every page go to tests/artifacts/browser
	$(BIN)/python -m pytest -m 'browser and not soak' tests/browser $(ARGS)

chaos: $(STAMP) ## Ten minutes of killed workers, cut connections and a dying Redis, judged from outside
	$(BIN)/python -m tests.chaos --seconds 600 $(ARGS)
	$(BIN)/python -m tests.chaos --cluster --seconds 120 $(ARGS)
	$(BIN)/python -m pytest -m cluster

soak: install ## 2,000 histories against the model, ten bugs that it must find, ten idle minutes counted, the dashboard measured
	STATE_MACHINE_EXAMPLES=2000 $(BIN)/python -m pytest --timeout=3600 tests/properties/test_state_machine.py
	$(BIN)/python -m pytest -s --timeout=900 -m 'soak and not browser' $(ARGS)
	DASHBOARD_MINUTES=10 $(BIN)/python -m pytest -s -m browser tests/browser/test_performance.py

client: $(STAMP) ## Write a typed TypeScript producer: make client OUT=dtq.ts HANDLERS=my_app.handlers
	$(BIN)/python -m worker_host.typescript --handlers "$(HANDLERS)" --out "$(or $(OUT),dtq.ts)"

scripts: $(STAMP) ## Build what is sent of each Lua script, after a change of their sources
	$(BIN)/python -m shared.scripts.build

pins: $(STAMP) ## Renew the tested versions from what is installed
	$(BIN)/python -m tests.pins

clean: ## Remove what was built; the tasks in .data stay
	rm -rf .venv build *.egg-info frontend/node_modules frontend/dist
