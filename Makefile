# The commands of the house. Everything is set up where it is missing, in .venv, from the lock files with their hashes.
# What a command needs and has already is not touched: a stamp file in .venv is newer than the lock files.

PYTHON ?= python3
OPTIONS ?=
FROM ?= 0
N ?=
MINUTES ?= 30
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime
KAFKA := $(VENV)/.kafka
DEVELOPMENT := $(VENV)/.development

PIP_TOOLS := pip-tools==7.6.2
COMPILE := build/lock/bin/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links --allow-unsafe --no-header

.DEFAULT_GOAL := help
.PHONY: help setup setup-kafka run test fuzz bench bench-full soak lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s%s\n", $$1, $$2 }' Makefile

setup: $(RUNTIME) ## set up .venv with what Floorwatch needs to run

setup-kafka: $(KAFKA) ## set up .venv with what a cluster needs as well: Faust and the clients of Kafka

run: $(RUNTIME) ## run Floorwatch with a live simulated centre; OPTIONS="--port 9000" and the like
	@exec $(BIN)/floorwatch run --simulate $(OPTIONS)

test: $(DEVELOPMENT) ## check format, lint and types, and run every test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -rfEs -n auto --maxprocesses 4 $(OPTIONS)

fuzz: $(DEVELOPMENT) ## run simulations and fuzzing until stopped; FROM=1000 for the first seed, N=200 for how many
	@$(BIN)/python -m tests.simulation --from $(FROM) $(if $(N),--seeds $(N)) $(OPTIONS)

bench: $(DEVELOPMENT) ## measure everything, one table with its goals; OPTIONS="--only engine" for one question
	@$(BIN)/python -m benchmarks $(OPTIONS)

bench-full: $(DEVELOPMENT) ## the long form: larger sizes, more runs
	@$(BIN)/python -m benchmarks --full $(OPTIONS)

soak: $(DEVELOPMENT) ## run the whole service, then a cluster, under a sale's peak and all faults for MINUTES=30 each, and judge them
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(OPTIONS)

lock: ## write the lock files again; OPTIONS=--upgrade takes the newest versions
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet $(PIP_TOOLS)
	$(COMPILE) $(OPTIONS) --extra kafka --output-file requirements-kafka.lock pyproject.toml
	$(COMPILE) $(OPTIONS) --constraint requirements-kafka.lock --output-file requirements.lock pyproject.toml
	$(COMPILE) $(OPTIONS) --extra kafka --extra parquet --extra dev --constraint requirements-kafka.lock \
		--output-file requirements-dev.lock pyproject.toml
	$(COMPILE) $(OPTIONS) --all-build-deps --only-build-deps --output-file requirements-build.lock pyproject.toml

clean: ## remove .venv, caches and what was built; never the folder data
	rm -rf $(VENV) build floorwatch.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The project itself is installed in place, and built with the locked setuptools rather than whatever is newest today. The last
# step compiles the engine's loops, which are kept, so that no later command waits for that.
$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		"Floorwatch needs Python 3.11 or newer as $(PYTHON); install it, or name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"$(PYTHON) cannot make virtual environments; install its venv package (on Debian: python3-venv)." >&2; exit 1; }
	@echo "Setting up $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements-build.lock -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@echo "Compiling the engine …" >&2
	@$(BIN)/python -c 'from streams.warming import warm; warm(print)' >/dev/null
	@touch $@

$(KAFKA): $(RUNTIME) requirements-kafka.lock
	@$(PIP) install --require-hashes -r requirements-kafka.lock
	@echo "Compiling what workers and hubs do …" >&2
	@mkdir -p build && $(BIN)/floorwatch simulate --preset small --duration 10m --seed 1 -o build/compiling.jsonl 2>/dev/null
	@$(BIN)/python -m streams.kafka.compiling build/compiling.jsonl
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
