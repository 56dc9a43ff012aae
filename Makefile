# Aegis from a checkout. `make` alone tells what there is to do.
#
# PYTHON  the interpreter to build the environment with, if not the first new enough one found
# LOCK    the folder of locked versions; LOCK= installs the newest that pyproject.toml allows
# BENCH   which figures make bench measures: ingest, evaluate, library, scale, start, tenants or evidence
# JOBS    processes that run tests side by side; auto is one for each core
# ARGS    passed on to the program a target starts: make run ARGS='--addr :9000'
# CARGO   Rust's build tool; CARGO= builds no native engine, and everything runs on regopy

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check exhaustive demo lint coverage bench faults engine environment lock audit clean

PYTHON ?=
LOCK ?= requirements
ARGS ?=
BENCH ?= ingest
JOBS ?= auto
CARGO ?= $(shell command -v cargo 2>/dev/null || ls $(HOME)/.cargo/bin/cargo 2>/dev/null)
export LOCK CARGO

VENV := .venv
BIN := $(VENV)/bin
STEP := $(BIN)/python -m scripts.step
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Stamps: newer than what they were made from when what they name is installed.
VERSIONS := $(if $(LOCK),locked,newest)
RUN := $(VENV)/.run-$(VERSIONS)
TEST := $(VENV)/.test-$(VERSIONS)
TOOLS := $(VENV)/.tools-$(VERSIONS)
ENGINE := $(VENV)/.engine

help:
	@echo "make run     start aegisd in the foreground; Ctrl-C stops it    ARGS='--addr :9000'"
	@echo "make demo    a governed session from end to end, proved and tampered with"
	@echo "make test    every test, style included                         ARGS='tests/core -x'"
	@echo "make check   style and the core's tests, in less than a minute"
	@echo "make lint    the style tools alone: ruff, mypy, import-linter"
	@echo "make coverage  hold every line and branch of core to core's own tests"
	@echo "make exhaustive   what takes hours: every seed, case, fault and planted bug"
	@echo "make bench   what this machine does, beside a peer              BENCH=evaluate"
	@echo "make faults  break it on purpose, and count what was lost             ARGS=--quick"
	@echo "make engine  build the native policy engine, where Rust is, and say which one runs"
	@echo "make lock    renew every locked version                         ARGS='-P msgspec'"
	@echo "make audit   look the locked versions up among the known vulnerabilities"
	@echo "make clean   remove the environment and everything built"
	@echo
	@echo "The first run makes $(VENV) from the locked versions; later ones start at once."
	@echo "Another Python than the one found: make run PYTHON=python3.13"
	@echo "The newest versions instead of the locked ones: make test LOCK="

# The daemon serves at once, on the engine that every installation has; the native one is built
# beside it, for the next start.
run: $(RUN)
	@if ! $(MAKE) --question $(ENGINE); then $(BIN)/python -m scripts.engine --beside & fi; \
	exec $(BIN)/aegisd $(ARGS)

demo: $(RUN) $(ENGINE)
	@exec $(BIN)/python -m conformance.demo $(ARGS)

test: $(TEST) $(ENGINE)
	@echo "make test: $(PYTEST) $(ARGS)"
	@exec $(PYTEST) $(ARGS)

# The inner loop. What it leaves out, `make test` holds.
check: lint
	@exec $(PYTEST) --quiet tests/core $(ARGS)

# The suites beside core's that ask `tests/effort.py` how hard to look.
SAMPLING = $(filter-out tests/core/%,$(shell grep -rl 'tests[.]effort' tests --include='test_*.py'))

# What `make test` samples, in full. CONTRIBUTING.md says where the results are kept.
exhaustive: $(TEST) $(ENGINE)
	HYPOTHESIS_PROFILE=thorough $(PYTEST) tests/core $(SAMPLING)
	$(PYTEST) -m exhaustive
	$(BIN)/python -m drills.differential --inputs 200000 --seed 11
	$(BIN)/python -m drills.planted --every-case
	$(BIN)/python -m drills.attacks
	$(BIN)/python -m drills.verdicts
	$(BIN)/python -m drills.faults

lint: $(TEST)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

coverage: $(TEST)
	@exec $(PYTEST) tests/core --cov $(ARGS)

bench: $(RUN) $(ENGINE)
	@exec $(BIN)/python -m benchmarks.$(BENCH) $(ARGS)

faults: $(TEST) $(ENGINE)
	@exec $(BIN)/python -m drills.faults $(ARGS)

engine: $(ENGINE)
	@$(BIN)/aegisctl doctor

environment: $(TEST)

lock: $(TOOLS)
	@$(BIN)/python -m scripts.lock $(ARGS)

audit: $(TOOLS)
	$(BIN)/pip-audit --disable-pip $(patsubst %,--requirement %,$(wildcard requirements/*.txt))
	$(if $(CARGO),cd native && $(CARGO) audit,@echo "No Rust here: native/Cargo.lock is not audited")

clean:
	@echo "make clean: removing $(VENV), builds and caches; logs (*.db) stay"
	@rm -rf $(VENV) .venv-peer native/target build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── the environment ──────────────────────────────────────────────────────────────────────────────

# The tests' stamp covers the daemon's too.
$(RUN): pyproject.toml $(if $(LOCK),$(LOCK)/run.txt)
	@$(environment)
	@$(call install,run,postgres)
	@rm -f $(VENV)/.{run,test,tools}-*; touch $@

$(TEST): pyproject.toml $(if $(LOCK),$(LOCK)/test.txt)
	@$(environment)
	@$(call install,test,dev)
	@rm -f $(VENV)/.{run,test,tools}-*; touch $(RUN) $@

$(TOOLS): $(or $(LOCK),requirements)/tools.$(if $(LOCK),txt,in)
	@$(environment)
	@$(STEP) "Installing what renews and audits the locks" \
		$(PIP) $(if $(LOCK),--require-hashes) --requirement $<
	@touch $@

$(ENGINE): $(wildcard native/src/*.rs native/Cargo.* native/*.toml native/*.pyi) | $(RUN)
	@$(BIN)/python -m scripts.engine

# $(call install,LOCK,EXTRA): what a lock names and then Aegis, or Aegis with the newest of it all.
ifneq ($(LOCK),)
install = ($(STEP) "Installing the locked versions of what Aegis stands on" \
		$(PIP) --require-hashes --requirement $(LOCK)/$(1).txt \
	&& $(STEP) "Installing Aegis into $(VENV)" \
		$(PIP) --no-deps --no-build-isolation --editable .) || $(no_index)
else
install = $(STEP) "Installing Aegis into $(VENV) with the newest of what it stands on" \
		$(PIP) --upgrade --upgrade-strategy eager --editable '.[$(2)]' || $(no_index)
endif

no_index = { echo "It needs a package index: the network, or PIP_INDEX_URL, or PIP_FIND_LINKS" \
	"with a folder of wheels." >&2; exit 1; }

# Make the environment if there is none that works.
define environment
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
fi
endef
