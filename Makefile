PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PEERS := .venv-bench

# The research sets of tests and benchmarks, where somebody keeps them beside the repository.
export SKXMR_DATA ?= $(wildcard $(abspath ../shared/data))
# One thread: on small machines a second one makes small matrix products slower, not faster.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo test check bench results docs docs-run clean

help:
	@echo "make demo    fit, search and compare retrievers on real data; writes pictures to output/"
	@echo "make test    the test suite"
	@echo "make check   ruff, mypy and import-linter"
	@echo "make bench   time and memory beside named peers, as a table"
	@echo "make results the tables of measured mAP (needs the research sets; hours where none is kept)"
	@echo "make docs    the documentation as a site, in docs/_build/html"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); the first time this takes some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/quickstart.py
	$(BIN)/python examples/dagnn.py
	$(BIN)/python examples/scenes.py

test: $(STAMP)
	$(BIN)/python -m pytest

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The peers have an environment of their own: some break where torchvision was made for another torch.
$(PEERS)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off -c constraints.txt -e ".[bench,plot]"
	@touch $@

bench: $(PEERS)/installed
	$(PEERS)/bin/python benchmarks/speed.py $(ARGS)

results: $(STAMP)
	$(BIN)/python benchmarks/reproduce.py
	$(BIN)/python benchmarks/reproduce.py --wikipedia-splits --readme --docs
	$(BIN)/python benchmarks/dagnn.py --docs
	$(BIN)/python benchmarks/reproduce.py --scenes --docs

# Warnings are errors. The examples are not run: their pages show the pictures that are kept in docs/.
docs: $(STAMP)
	$(BIN)/python docs/make_scaling.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# The same, but the examples run and their pages show what they print and draw.
docs-run: $(STAMP)
	SKXMR_DOCS_RUN=1 $(BIN)/python -m sphinx -W --keep-going -q -E -b html docs docs/_build/html

clean:
	rm -rf $(VENV) $(PEERS) output docs/_build docs/api docs/gallery .pytest_cache .mypy_cache .ruff_cache
