# Everything sets itself up: `make quickstart` and `make test` work on a fresh clone.
# The virtual environment is .venv; bubblewrap comes from the distribution.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
# What training and local models run on. PyPI's build for Linux brings CUDA, some gigabytes; a smaller one:
# make test TORCH='torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu'
TORCH ?= torch==2.13.0

.PHONY: quickstart test lint format bench golden tables docs clean

quickstart: $(VENV)/.train .bubblewrap
	$(BIN)/sandmle quickstart --out quickstart --force

test: $(VENV)/.dev .bubblewrap .slurm
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev .bubblewrap
	for script in benchmarks/[!_]*.py; do $(BIN)/python $$script --quick || exit 1; done

# What is written from the code: hashes of the families' drafts, and the tables of docs/families.md.
golden: $(VENV)/.dev
	$(BIN)/python tools/golden.py

tables: $(VENV)/.dev
	$(BIN)/python tools/tables.py

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) quickstart site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "sandmle needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "the venv module is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.train: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.train

$(VENV)/.docs: pyproject.toml | $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	touch $@

# The tests of the sandbox `slurm` start a cluster of one node; without these packages they are skipped.
.PHONY: .slurm
.slurm:
	@command -v slurmctld >/dev/null 2>&1 && command -v munged >/dev/null 2>&1 && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null \
	    || echo "Slurm could not be installed; its tests will be skipped"; \
	fi

# Isolation needs bubblewrap. As root on Debian or Ubuntu it is installed; else one line says how.
.PHONY: .bubblewrap
.bubblewrap:
	@command -v bwrap >/dev/null 2>&1 && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap >/dev/null; \
	else \
	  echo "sandmle isolates agents' code with bubblewrap; install it: sudo apt-get install bubblewrap (dnf, pacman, apk: the same name)"; exit 1; \
	fi
