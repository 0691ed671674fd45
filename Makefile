# `make demo` and `make test` do all their own set-up. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests and benchmarks on real photos find them here, or skip and say so.
LOOKALIKE_PHOTOS ?= $(abspath $(wildcard ../shared/data/products))
ifneq ($(LOOKALIKE_PHOTOS),)
export LOOKALIKE_PHOTOS
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-long test-extras test-oldest lint types format docs wheel clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(BIN)/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("lookalike needs Python 3.11 or newer, $(PYTHON) is %d.%d: say make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(BIN)/.dev: $(BIN)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(BIN)/.made  ## draw a catalog of shoes in demo/ and do everything with it
	$(BIN)/lookalike demo demo

test: $(BIN)/.dev  ## the tests, but for the longest
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not long"

test-fast: $(BIN)/.dev  ## tests without the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow and not long"

test-long: $(BIN)/.dev  ## the longest tests alone
	$(BIN)/python -m pytest -n auto --dist loadfile -m long

test-extras: $(BIN)/.dev  ## tests of the extras that are quick to install: OpenVINO, object stores
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[openvino,s3]' 'moto[server]>=5.1'
	$(BIN)/python -m pytest -m "extra and not long"

test-oldest:  ## tests without the slow ones, with the oldest releases of the dependencies that are allowed
	$(PYTHON) -m venv $(VENV)-oldest
	$(PYTHON) -m tests.oldest > $(VENV)-oldest/oldest.txt
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' -c $(VENV)-oldest/oldest.txt
	$(VENV)-oldest/bin/python -m pytest -W default -n auto --dist loadfile -m "not slow and not long"

lint: $(BIN)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.dev  ## strict types
	$(BIN)/mypy

format: $(BIN)/.dev  ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(BIN)/.dev  ## write the generated pages of docs/
	$(BIN)/python -m lookalike.cli.reference docs/cli.md

wheel: $(BIN)/.dev  ## build the wheel in dist/
	$(BIN)/python -m build --wheel

clean:  ## remove what make made
	rm -rf $(VENV) demo dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
