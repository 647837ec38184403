# Needs python3 (3.11 or later), npm and make; fetches the rest into .tools, .venv, node_modules.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
UV := .tools/uv-$(UV_VERSION)/bin/uv
PYTHON := .venv/.installed
NODE := node_modules/.installed
BIN := .venv/bin
PORT ?= 8000
PREFIX ?= /opt/aicompare
SECONDS ?= 600

# The Python that is there; a download of another one is not possible everywhere.
export UV_PYTHON_DOWNLOADS ?= never
export AICOMPARE_DATABASE_URL ?= file:aicompare.db

.PHONY: help setup demo install test chromium client check audit format bench bench-compare soak screenshots schema clean drill

help: ## list what there is to make
	@sed -nE 's/^([a-z-]+):.* ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(PYTHON) $(NODE) ## fetch uv, the Python packages, Postgres, the libSQL server and axe

demo: $(PYTHON) ## load the real catalogue into aicompare.db and serve it (PORT=8000)
	$(BIN)/aicompare migrate up
	$(BIN)/aicompare seed
	$(BIN)/aicompare serve --host 127.0.0.1 --port $(PORT)

install: $(UV) ## install the program alone, with all extras (PREFIX=/opt/aicompare)
	UV_PROJECT_ENVIRONMENT=$(PREFIX) $(UV) sync --locked --all-extras --no-dev --no-editable

# Pytest's code where ARGS fit none of a run's tests.
NONE := { [ "$$?" = 5 ] && [ -n '$(subst ','\'',$(ARGS))' ]; }
# Empty where ARGS name paths, and none of them is of the browser's tests.
IN_BROWSER = $(if $(filter tests% bench%,$(ARGS)),$(filter tests tests/ tests/browser%,$(ARGS)),all)
# No database of the developer's reaches a test.
test: export AICOMPARE_DATABASE_URL =
test: setup $(if $(IN_BROWSER),chromium) ## run all tests on all engines, and the floors (ARGS="-k prices" or a path for some)
	$(BIN)/pytest $(ARGS) || $(NONE)
	$(if $(filter tests% bench%,$(ARGS)),,$(BIN)/pytest tests/browser $(ARGS) || $(NONE))
	$(if $(ARGS),,$(BIN)/pytest --quiet --benchmark-columns=median bench/test_queries.py --floors)

client: setup ## write the OpenAPI description and its TypeScript types into client/
	@mkdir -p client
	$(BIN)/aicompare openapi > client/openapi.json
	node_modules/.bin/openapi-typescript client/openapi.json --output client/aicompare.d.ts

check: $(PYTHON) $(NODE) audit ## check format, lint, types, layers and dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	node_modules/.bin/tsc --project service/http/pages/static/jsconfig.json

# Exit code 1 is a vulnerability, 2 that nobody could be asked: which fails where AUDIT=required.
audit: $(UV) ## ask for known vulnerabilities of the locked packages (AUDIT=required, AUDIT_URL=...)
	@$(UV) lock --quiet --check --offline
	@code=0; UV_HTTP_RETRIES=0 UV_HTTP_TIMEOUT=10 $(UV) audit --quiet --locked \
		--preview-features audit-command $(if $(AUDIT_URL),--service-url $(AUDIT_URL)) \
		2> .tools/audit.log || code=$$?; \
	if [ $$code -ne 2 ]; then cat .tools/audit.log >&2; exit $$code; fi; \
	if [ "$(AUDIT)" = required ]; then cat .tools/audit.log >&2; exit 2; fi; \
	echo "audit: NOT DONE, the service that knows of vulnerabilities cannot be reached"

format: $(PYTHON) ## format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The columns of the table with targets are enough; the results go where git does not look.
bench: setup ## measure (ARGS="..." is passed on)
	$(BIN)/pytest bench -s --benchmark-columns=median,rounds --benchmark-autosave \
		--benchmark-storage=file://bench/results $(ARGS)

bench-compare: ARGS += --benchmark-compare
bench-compare: bench ## measure, beside what was measured last

soak: setup ## mixed load with random kills, on each engine in turn (SECONDS=600, ARGS="--engine sqlite")
	$(BIN)/python -m bench.soak --seconds $(SECONDS) $(ARGS)

screenshots: setup chromium ## take the pictures of all pages anew, into docs/
	$(BIN)/pytest tests/browser/screenshots.py

drill: setup ## fill, delete by mistake, restore and compare, on all engines
	$(BIN)/python -m tests.operations.drill

schema: $(PYTHON) ## write schema.sql anew from the migrations
	$(BIN)/aicompare migrate dump > .tools/schema.sql
	mv .tools/schema.sql schema.sql

clean: ## remove what setup fetched
	rm -rf .tools .venv node_modules client

$(PYTHON): $(UV) pyproject.toml uv.lock
	$(UV) sync --locked --all-extras
	@touch $@

$(NODE): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# For the browser tests, which fail without it where CI is true, and else are skipped. The program
# that steers it needs libatomic, which no other package may have brought.
chromium:
	@{ command -v chromium && PATH="$$PATH:/sbin" ldconfig -p | grep libatomic.so.1; } >/dev/null || \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing Debian's chromium for the browser tests"; \
			apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
				apt-get -qq install --no-install-recommends chromium libatomic1 fonts-inter >/dev/null; \
		else \
			echo "the browser tests need them: root has to run apt-get install chromium libatomic1" >&2; \
		fi

# Debian's python3 has neither pip nor ensurepip. apt-get hands pip's wheel to any user as long as
# lists and downloads have folders of their own; the sources and signatures are the system's.
APT := apt-get -qq -o APT::Sandbox::User=root \
	-o Dir::State=$(CURDIR)/.tools/apt -o Dir::Cache=$(CURDIR)/.tools/apt

$(UV):
	@mkdir -p .tools
	@if python3 -m pip --version >/dev/null 2>&1; then \
		pip="python3 -m pip"; \
	elif python3 -c 'import ensurepip' 2>/dev/null; then \
		python3 -m venv .tools/pip; pip=.tools/pip/bin/pip; \
	elif command -v apt-get >/dev/null; then \
		mkdir -p .tools/apt/lists/partial; \
		$(APT) update; \
		(cd .tools/apt && $(APT) download python3-pip-whl && dpkg-deb -x python3-pip-whl_*.deb .); \
		export PYTHONPATH="$$(echo .tools/apt/usr/share/python-wheels/pip-*.whl)"; \
		pip="python3 -m pip"; \
	else \
		echo "python3 has no pip: install it as root with the system's package manager" >&2; exit 1; \
	fi; \
	echo "fetching uv $(UV_VERSION)"; \
	$$pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade \
		--target .tools/uv-$(UV_VERSION) uv==$(UV_VERSION)
	@rm -rf .tools/apt .tools/pip
	@touch $@
