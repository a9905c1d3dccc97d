# make help says what there is. Everything happens in .venv, which is made from requirements.lock (every file pinned by
# hash) with any Python 3.11 or newer. After a change of the dependencies in pyproject.toml:
#   uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
#     --extra postgres --extra s3 --extra timestamp --group dev pyproject.toml -o requirements.lock

SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo run test check bench services clean

# The first of these that runs and is new enough; or say it: make PYTHON=/path/to/python test
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c '$(NEW_ENOUGH)' 2>/dev/null && { echo "$$name"; break; }; done)

BIN := .venv/bin
READY := .venv/.made-from-requirements.lock
SERVICES ?=
ARGS ?=

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: $(READY) ## the main job, start to end: an engine's version moves, its config follows
	@$(BIN)/python examples/scan-engine/demo.py $(ARGS)

run: $(READY) ## the daemon on the embedded store, until Ctrl-C; Swagger UI at http://127.0.0.1:8080/docs
	@mkdir -p var
	@exec $(BIN)/versiqiid run --data-dir var/versiqiid $(ARGS)

test: services ## every test, with real services, in lanes side by side; ARGS="tests/unit -x" for less
	@$(BIN)/python -m $(if $(ARGS),pytest --ignore=tests/bench $(ARGS),tests.lanes)

check: $(READY) ## lint, format, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests/services tests/conftest.py
	$(BIN)/lint-imports

bench: $(READY) ## measure: latency, throughput, memory
	@$(BIN)/python -m tests.bench $(ARGS)

services: $(READY) ## find or build what the tests run against; SERVICES="consul toxiproxy" for some, SERVICES=all for all
	@$(BIN)/python -m tests.services $(SERVICES)

clean: ## remove the environment and everything made here; the cache of built services stays
	rm -rf .venv var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A system Python may lack ensurepip (Debian: python3-venv); its own pip can then fill the environment.
$(READY): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed and was not found: install it, or make PYTHON=/path/to/python" >&2; exit 1; fi
	@echo "making .venv with $(PYTHON) from requirements.lock"
	@if "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
		"$(PYTHON)" -m venv .venv; \
	else \
		"$(PYTHON)" -m venv --without-pip .venv && "$(PYTHON)" -m pip -q --python $(BIN)/python install pip; \
	fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
