.POSIX:

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
FOLDERS = agents configs encoders envs experiments

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

install: $(INSTALLED)  ## make the environment in .venv/ (PYTHON=python3.12 chooses the interpreter)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("recloop needs Python 3.11 or later, not " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

train: $(INSTALLED)  ## train, evaluate, print the table, write the report (ARGS="tracking=none run_dir=my/folder")
	$(BIN)/recloop train experiment=quickstart $(ARGS)

test: $(INSTALLED)  ## every test but the slow ones, a process a core (ARGS="-k catalog")
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

test-all: $(INSTALLED)  ## every test, the slow ones too: fetches weights, data and Ray, trains
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,ray]'
	$(BIN)/python -m pytest -m '' $(ARGS)

check: $(INSTALLED) types  ## lint, format and types, changing nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)  ## format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## steps a second of simulator and training (ARGS=...)
	$(BIN)/python benchmarks/run.py $(ARGS)

types:  ## link the folders under their import name, for mypy and pyright
	@rm -rf build/types
	@mkdir -p build/types/recloop
	@for folder in $(FOLDERS); do ln -s "../../../$$folder" "build/types/recloop/$$folder"; done

clean:  ## remove what can be made again: environment, builds, caches; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(FOLDERS) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install train test test-all check format bench types clean
