# Everything a developer or a new user types. `make` alone sets up; a second run costs seconds.
SHELL := /bin/bash
PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
READY := $(VENV)/.ready
# Our root folders carry common names: nothing here may put the working folder on sys.path.
export PYTHONSAFEPATH := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo test lint types fix bench dist clean

setup: $(READY)

$(RUN_READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what a training run needs into $(VENV) (a few minutes, once)"
	@# torch by its exact version, first: a range would take the newest build with all of CUDA
	@$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt torch==2.13.0
	@$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[train]'
	@touch $@

$(READY): $(RUN_READY)
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install -q $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(RUN_READY)  ## watch a small model learn arithmetic from verdicts alone
	$(BIN)/assay train recipes/arithmetic.yaml --out runs/arithmetic --overwrite

test: $(READY)  ## all tests, a file for each core at a time
	$(BIN)/pytest -q -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright

fix: $(READY)  ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Assay beside what one would otherwise take, as ratios
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/math.py --graders "assay math.symbolic" "assay math.exact" "same text"

dist: $(READY)
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) build dist runs *.egg-info src/*.egg-info
