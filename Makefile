PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PEERS := .venv-bench
EMPTY := .venv-wheel
FLOORS := .venv-floors
AUDIT := .venv-audit

# The research sets of tests and benchmarks, where somebody keeps them beside the repository.
export SKXMR_DATA ?= $(wildcard $(abspath ../shared/data))
# One thread: on small machines a second one makes small matrix products slower, not faster.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo test test-slow test-all test-browser test-cuda test-floors audit check wheel bench results pages tutorials docs docs-run clean

help:
	@echo "make demo    fit, search and compare retrievers on real data; writes pictures to output/"
	@echo "make test    the test suite; make test-all also runs the slow tests, make test-slow only those"
	@echo "make test-browser  the page in Chromium, which must be installed; writes screenshots to output/browser/"
	@echo "make test-cuda  what needs a CUDA device; the other tests leave it alone"
	@echo "make test-floors  the tests with the lowest versions that pyproject.toml allows (downloads 3 GB)"
	@echo "make audit   licences and known weaknesses of the installed packages"
	@echo "make check   ruff, mypy and import-linter"
	@echo "make wheel   build the wheel and use it in an empty environment without extras"
	@echo "make bench   time and memory, compared with other libraries"
	@echo "make results the tables of measured mAP (needs the research sets; takes hours unless the fits are recorded)"
	@echo "make docs    the documentation as a site, in docs/_build/html"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); the first time this takes some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/search_engine.py
	$(BIN)/python examples/quickstart.py
	$(BIN)/python examples/dagnn.py
	$(BIN)/python examples/scenes.py
	$(BIN)/python examples/explain.py
	$(BIN)/python examples/rankings.py
	$(BIN)/python examples/learned.py

# One process per core. A file stays in one process, so that its fixtures are made once.
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile

test: $(STAMP)
	$(PYTEST)

test-slow: $(STAMP)
	$(PYTEST) -m slow

test-all: $(STAMP)
	$(PYTEST) -m "slow or not slow"

test-browser: $(STAMP)
	SKXMR_OUTPUT=output/browser $(BIN)/python -m pytest -m browser -rs tests/app

test-cuda: $(STAMP)
	SKXMR_CUDA=1 $(PYTEST) -m cuda -rs

# Once per release: 7 GB on disk, because old versions of torch come with CUDA. Warnings of old versions are no errors.
test-floors:
	$(PYTHON) -m venv --clear $(FLOORS)
	$(FLOORS)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(FLOORS)/bin/uv pip install --python $(FLOORS)/bin/python --resolution lowest-direct -e ".[dev]"
	$(FLOORS)/bin/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile -o filterwarnings=default

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# In an environment of its own, because what looks at packages needs many of them itself.
audit: $(STAMP)
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off pip-audit pip-licenses
	$(AUDIT)/bin/python tests/audit.py $(BIN)/python

# What a user gets from "pip install skxmr": the wheel without extras, used away from the checkout.
wheel: $(STAMP)
	rm -rf dist $(EMPTY)
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv $(EMPTY)
	$(EMPTY)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off -c constraints.txt dist/*.whl
	cd / && $(abspath $(EMPTY))/bin/python -I $(abspath tests/check_wheel.py)

# The peers have an environment of their own: some break where torchvision was made for another torch.
$(PEERS)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off -c constraints.txt -e ".[bench,plot]"
	@touch $@

bench: $(PEERS)/installed
	$(PEERS)/bin/python benchmarks/speed.py $(ARGS)

results: $(STAMP)
	$(BIN)/python benchmarks/reproduce.py
	$(BIN)/python benchmarks/reproduce.py --sets clipart icons
	$(BIN)/python benchmarks/reproduce.py --kernels --methods JRL MLCCA SemanticMatching --sets wikipedia corel5k_tags
	$(BIN)/python benchmarks/reproduce.py --votes --methods MLCCA SemanticMatching --sets wikipedia corel5k_tags clipart icons
	$(BIN)/python benchmarks/small_sets.py
	$(BIN)/python benchmarks/small_sets.py --docs
	$(BIN)/python benchmarks/auto.py
	$(BIN)/python benchmarks/auto.py --docs
	$(BIN)/python benchmarks/reproduce.py --wikipedia-splits --readme --docs
	$(BIN)/python benchmarks/dagnn.py --docs
	$(BIN)/python benchmarks/critic.py --docs
	$(BIN)/python benchmarks/duplicates.py --docs
	$(BIN)/python benchmarks/reproduce.py --scenes --docs
	$(BIN)/python benchmarks/reproduce.py --wikipedia-splits --paper --readme --docs
	$(BIN)/python benchmarks/paper_constants.py --docs
	$(BIN)/python benchmarks/readings.py --docs
	$(BIN)/python benchmarks/protocols.py
	$(BIN)/python benchmarks/protocols.py --acmr --docs
	$(BIN)/python benchmarks/experiments.py --docs
	$(BIN)/python benchmarks/few_rows.py
	$(BIN)/python benchmarks/few_rows.py --docs
	$(BIN)/python benchmarks/factors.py
	$(BIN)/python benchmarks/factors.py --pairs --docs
	$(BIN)/python benchmarks/factors_graphs.py --docs
	$(BIN)/python benchmarks/end_to_end.py
	$(BIN)/python benchmarks/end_to_end.py --docs
	$(BIN)/python benchmarks/figures.py

# What the pages say about costs, and the figures in sentences, from the files of results.
pages: $(STAMP)
	$(BIN)/python docs/make_scaling.py
	$(BIN)/python benchmarks/figures.py

# What the blocks of the tutorials print, and their pictures.
tutorials: $(STAMP)
	$(BIN)/python docs/run_page.py docs/tutorial_*.md

# Warnings are errors. The examples are not run: their pages show the pictures that are kept in docs/.
docs: pages
	$(BIN)/python -m sphinx -W --keep-going -q -E -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# The same, but the examples run and their pages show what they print and draw.
docs-run: pages
	SKXMR_DOCS_RUN=1 $(BIN)/python -m sphinx -W --keep-going -q -E -b html docs docs/_build/html

clean:
	rm -rf $(VENV) $(PEERS) $(EMPTY) $(FLOORS) dist build output docs/_build docs/api docs/gallery
	rm -rf .pytest_cache .mypy_cache .ruff_cache
