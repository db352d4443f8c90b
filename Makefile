# Everything a fresh machine needs is done here: Python 3.11+, make and the package registries suffice.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help setup test quality types style channels-hold demo console screenshots mutate prove odoo odoo-down bench fuzz lock clean
help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 18

setup: $(READY)  ## make the virtual environment from the lock file

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) from requirements.lock ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

quality: $(READY)  ## formatting, lint, types, layers
	@$(MAKE) --no-print-directory -j 2 types style

types: $(READY)
	$(BIN)/mypy

style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

channels-hold: $(READY)
	$(BIN)/wardline lint channels
	$(BIN)/wardline test channels

test: $(READY)   ## everything that must hold before a commit lands
	@$(MAKE) --no-print-directory -j 2 types style channels-hold
	@was=$$($(BIN)/python -m demo.odoo status >/dev/null 2>&1 && echo up); \
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --durations 40 -rs; code=$$?; \
	test -n "$$was" || $(BIN)/python -m demo.odoo down >/dev/null 2>&1; exit $$code

demo: $(READY)   ## a surgical day against a real Odoo (ODOO=none|local|URL)
	@$(BIN)/python -m demo.day

console: $(READY) ## the console over the day that `make demo` played
	@$(BIN)/python -m demo.console

screenshots: $(READY)  ## pictures of every page, light and dark, in docs/screenshots (ODOO=none|local|URL)
	@PYTHONPATH=tests $(BIN)/python -m pages.screenshots

mutate: $(READY) ## change every line of the shipped channels and tables, and see that a case notices
	$(BIN)/wardline test channels --mutate

prove: $(READY)  ## the proof of privacy over all rows and the shipped channels; report in var/proof.json
	@mkdir -p var && $(BIN)/wardline prove-phi --channels channels --report var/proof.json

odoo: $(READY)   ## bring up the real Odoo alone and print how to reach it
	@$(BIN)/python -m demo.odoo up

odoo-down: $(READY)  ## stop the Odoo that `make odoo` started
	@$(BIN)/python -m demo.odoo down

bench: $(READY)  ## measure intake, FHIR, routing, Odoo and memory; the table is printed and saved
	@$(BIN)/python -m bench

INPUTS ?= 1000000
fuzz: $(READY)   ## coverage-guided fuzzing, and requests to a running engine over HTTP (INPUTS=1000000)
	@$(BIN)/python -m fuzz --inputs $(INPUTS)

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
          --no-header --no-emit-index-url --no-annotate -q
lock: $(READY)   ## renew the lock files from pyproject.toml (development; what the image installs)
	$(LOCK) --group dev --upgrade -o requirements.lock
	$(LOCK) --group build -c requirements.lock -o requirements-run.lock

clean:           ## remove what was made (keeps the Odoo cache)
	rm -rf $(VENV) var dist .mypy_cache .ruff_cache .hypothesis
