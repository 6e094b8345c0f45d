# Everything happens in .venv, which is made on first use, and brought up to date when pyproject.toml changes.
# For another interpreter: make clean, then make test PYTHON=python3.13.

PYTHON ?= python3
CHAOS ?=
BENCH ?= throughput
MATRIX ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: help demo flower test check slow matrix chaos bench build clean

help: ## List what there is (the default).
	@echo "make …"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

demo: .venv/demo ## See it work, with nothing but Python: half a minute.
	@echo "voice-notify demo"
	@$(BIN)/voice-notify demo

flower: .venv/dev ## Watch calls in Flower, with a password, until Ctrl-C.
	@echo "voice-notify demo --flower"
	@$(BIN)/voice-notify demo --flower

test: .venv/dev ## Run the tests.
	@echo "pytest: unit, contract and acceptance tests"
	@$(BIN)/python -m pytest -q -m "not rabbitmq"

check: .venv/dev ## Lint, check the format and the types, and run the tests.
	@echo "ruff and mypy --strict"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

slow: .venv/dev ## Run what takes longer: many more orders of events, RabbitMQ as the broker, deploy/.
	@echo "pytest: the model with 300 examples, then with a rabbitmq-server, then through the users of deploy/, then the image"
	@MODEL_EXAMPLES=300 $(BIN)/python -m pytest -q --timeout 1200 tests/contract/test_model.py
	@$(BIN)/python -m pytest -q -m rabbitmq
	@ACL=1 $(BIN)/python -m pytest -q -m "not rabbitmq" tests/acceptance
	@$(BIN)/python -m pytest -q tests/deploy

matrix: .venv/uv ## Test each version of libraries, Python and Redis, for the better part of an hour: MATRIX="lowest-3.11 valkey-9".
	@echo "tests.matrix $(MATRIX)"
	@$(BIN)/python -m tests.matrix $(MATRIX)

chaos: .venv/dev ## Kill workers, producers and Redis under load, and reconcile: CHAOS="--seconds 60".
	@echo "tests.chaos $(CHAOS)"
	@$(BIN)/python -m tests.chaos $(CHAOS)

bench: .venv/bench ## Compare with other queues, on a quiet machine: BENCH="latency", "cost", "scale", "slow-provider", "order".
	@echo "tests.benchmarks $(BENCH)"
	@BENCH_ARQ_PYTHON=.venv/arq/bin/python $(BIN)/python -m tests.benchmarks $(BENCH)

build: .venv/dev ## Make the wheel and the sdist, in dist/, and check them.
	@echo "build and twine check"
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist >/dev/null
	@$(BIN)/twine check --strict dist/*

clean: ## Remove .venv, caches and builds.
	@echo "Removing .venv, caches and builds"
	@rm -rf .venv .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	@find worker tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/made:
	@echo "Making .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --upgrade pip # that of Python 3.11 knows no --group
	@touch $@

.venv/demo: .venv/made pyproject.toml
	@echo "Installing voice-notify with what the demo needs"
	@$(INSTALL) --editable '.[demo]'
	@touch $@

.venv/dev: .venv/made pyproject.toml
	@echo "Installing voice-notify with what its tests need"
	@$(INSTALL) --editable '.[demo,flower,django]' --group dev
	@touch $@

.venv/uv: .venv/dev pyproject.toml
	@echo "Installing uv, which makes an environment for each combination"
	@$(INSTALL) --group matrix
	@touch $@

# arq needs an older redis-py than all others, and so an environment of its own.
.venv/bench: .venv/dev pyproject.toml
	@echo "Installing the other queues"
	@$(INSTALL) --group bench
	@$(PYTHON) -m venv .venv/arq
	@.venv/arq/bin/python -m pip install -qq --disable-pip-version-check --upgrade pip
	@.venv/arq/bin/python -m pip install -qq --disable-pip-version-check --group bench-arq
	@touch $@
