# Aegis from a checkout. `make` alone tells what there is to do.
#
# PYTHON  the interpreter to build the environment with, if not the first new enough one found
# BENCH   which figures make bench measures: ingest, evaluate, library, scale, start or evidence
# ARGS    passed on to the program a target starts: make run ARGS='--addr :9000'
# CARGO   Rust's build tool; CARGO= builds no native engine, and everything runs on regopy

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test demo lint bench faults engine clean

PYTHON ?=
ARGS ?=
BENCH ?= ingest
CARGO ?= $(shell command -v cargo 2>/dev/null || ls $(HOME)/.cargo/bin/cargo 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin

help:
	@echo "make run     start aegisd in the foreground; Ctrl-C stops it    ARGS='--addr :9000'"
	@echo "make demo    a governed session from end to end, proved and tampered with"
	@echo "make test    every test, style included                         ARGS='tests/core -x'"
	@echo "make lint    the style tools alone: ruff, mypy, import-linter"
	@echo "make bench   what this machine does, beside a peer              BENCH=evaluate"
	@echo "make faults  break it on purpose, and count what was lost             ARGS=--quick"
	@echo "make engine  build the native policy engine, where Rust is, and say which one runs"
	@echo "make clean   remove the environment and everything built"
	@echo
	@echo "The first run makes $(VENV) and takes a minute; later ones start at once."
	@echo "Another Python than the one found: make run PYTHON=python3.13"

run: $(VENV)/.run $(VENV)/.engine
	@exec $(BIN)/aegisd $(ARGS)

demo: $(VENV)/.run $(VENV)/.engine
	@exec $(BIN)/python -m conformance.demo $(ARGS)

test: $(VENV)/.test $(VENV)/.engine
	@echo "make test: $(BIN)/python -m pytest $(ARGS)"
	@exec $(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.run $(VENV)/.engine
	@exec $(BIN)/python -m benchmarks.$(BENCH) $(ARGS)

faults: $(VENV)/.test $(VENV)/.engine
	@exec $(BIN)/python -m conformance.faults $(ARGS)

engine: $(VENV)/.engine
	@$(BIN)/python -m aegisd.rego.engines

clean:
	@echo "make clean: removing $(VENV), builds and caches; logs (*.db) stay"
	@rm -rf $(VENV) .venv-peer native/target build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── the environment ──────────────────────────────────────────────────────────────────────────────
# A stamp is newer than pyproject.toml when what it names is installed. The tests' stamp covers the
# daemon's too.

$(VENV)/.run: pyproject.toml
	@$(call install,.)
	@touch $@

$(VENV)/.test: pyproject.toml
	@$(call install,.[dev])
	@touch $(VENV)/.run $@

# The native engine is built once per change of its source. Without Rust, or where it does not build,
# the stamp says so and the engine that needs no compiler judges.
$(VENV)/.engine: $(wildcard native/src/*.rs native/Cargo.* native/*.toml native/*.pyi) | $(VENV)/.run
	@$(call build_engine)
	@touch $@

define build_engine
set -uo pipefail; \
if [ -z "$(CARGO)" ]; then \
	echo "No Rust here: policy is judged by regopy. With Rust (https://rustup.rs) a faster engine" \
		"is built."; \
else \
	echo "Building the native policy engine into $(VENV) (once, about a minute)"; \
	PATH="$(dir $(CARGO)):$$PATH" $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --force-reinstall --no-deps ./native \
		|| echo "It did not build (the reason is above); policy is judged by regopy." >&2; \
fi
endef

# $(call install,REQUIREMENT): make the environment if there is none, then install into it.
define install
set -euo pipefail; \
if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	python=""; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python="$$name"; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Aegis needs Python 3.11 or newer. Looked for:" \
			"$(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)." >&2; \
		echo "python3 is: $$(python3 --version 2>&1 || true)" >&2; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$python cannot make an environment: its venv or ensurepip module is missing." >&2; \
		echo "Debian and Ubuntu pack them apart: apt install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV); \
fi; \
echo "Installing $(1) into $(VENV) (once, and again when pyproject.toml changes)"; \
if ! $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '$(1)'; then \
	echo "pip could not install what pyproject.toml names; its own message is above." >&2; \
	echo "It needs a package index: the network, or PIP_INDEX_URL, or PIP_FIND_LINKS" \
		"with a folder of wheels." >&2; \
	exit 1; \
fi
endef
