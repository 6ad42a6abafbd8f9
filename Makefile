# Two commands for a newcomer: make demo, make test. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# auto: compile if there is a C compiler; 1: always; 0: never.
export FOURTUPLE_COMPILE ?= auto

# Coverage below this is a suite that has lost its grip.
COVERAGE_FLOOR := 80

COMPILES := $(shell cd build_backend && $(PYTHON) -c 'import compile_choice as c; print(int(c.wants_compile()))')
FAST := -m "not slow"

# CI runs the slow suites as well, once: compiled where there is a compiler. It has all the libraries of
# tests/programs.
ifdef CI
GROUPS := programs
SLOW_TOO := $(if $(filter 1,$(COMPILES)),compiled,interpreted)
else
GROUPS :=
SLOW_TOO :=
endif
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal -q

ROOMS := wire clock ports stack kernel network
HOT_SOURCES := $(shell find $(addprefix src/fourtuple/,$(ROOMS)) -name '*.py')
BUILD_SOURCES := pyproject.toml setup.py $(wildcard build_backend/*.py)
INSTALLED := $(VENV)/.installed-$(FOURTUPLE_COMPILE)
DEV := $(VENV)/.dev$(addprefix -,$(CI))

.PHONY: help demo test build dev programs lint types test-interpreted test-compiled test-no-compiler bench clean distclean

help:
	@echo "make demo              install into .venv and show two programs talking TCP"
	@echo "make test              lint, types, the suite interpreted (with coverage), compiled, and with no compiler"
	@echo "make bench             performance beside the Linux loopback, as ratios (table and JSON)"
	@echo "make dev               install with what tests need"
	@echo "make programs          the libraries that tests/programs uses, which CI always installs"
	@echo "make lint | types      one check"
	@echo "make test-interpreted | test-compiled | test-no-compiler"
	@echo "make clean             remove built files, compiled modules included"
	@echo "make distclean         the same and .venv"

demo: $(INSTALLED)
	$(BIN)/fourtuple demo

test: lint types test-interpreted test-compiled test-no-compiler

build: $(INSTALLED)

dev: $(INSTALLED) $(DEV)

programs: $(DEV)
	$(BIN)/python scripts/dev_requirements.py programs > build/programs-requirements.txt
	$(PIP) install --quiet -r build/programs-requirements.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"fourtuple needs python 3.11 or later, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

# An editable install keeps importing compiled modules whatever the sources say, so they are rebuilt
# whenever a source they come from is newer.
$(INSTALLED): $(BIN)/python $(BUILD_SOURCES) $(HOT_SOURCES)
	@rm -f $(VENV)/.installed-*
	@find src -name '*.so' -delete
	@echo "installing; compiling, if there is a C compiler, takes some minutes (FOURTUPLE_COMPILE=0 goes without)"
	$(PIP) install --quiet --editable .
	@touch $@
	@$(BIN)/fourtuple --version

$(DEV): $(BIN)/python pyproject.toml
	@mkdir -p build && $(BIN)/python scripts/dev_requirements.py $(GROUPS) > build/dev-requirements.txt
	$(PIP) install --quiet -r build/dev-requirements.txt
	@touch $@

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) $(DEV)
	$(BIN)/mypy

test-interpreted: $(INSTALLED) $(DEV)
	FOURTUPLE_PURE_PYTHON=1 FOURTUPLE_EXPECT=interpreted $(PYTEST) $(if $(filter interpreted,$(SLOW_TOO)),,$(FAST)) --cov --cov-report=
	$(BIN)/python -m coverage report --skip-covered --sort=cover --fail-under=$(COVERAGE_FLOOR)

ifeq ($(COMPILES),1)
test-compiled: $(INSTALLED) $(DEV)
	FOURTUPLE_EXPECT=compiled $(PYTEST) $(if $(filter compiled,$(SLOW_TOO)),,$(FAST))
else
test-compiled:
	@echo "test-compiled: nothing is compiled here (no C compiler, or FOURTUPLE_COMPILE=0)"
endif

# A new user without a compiler: a fresh environment, installed with none on PATH.
test-no-compiler: $(DEV)
	scripts/test_no_compiler.sh

bench: $(INSTALLED)
	$(BIN)/python -m bench

clean:
	find src -name '*.so' -delete
	rm -rf build dist src/*.egg-info bench/results .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
	rm -f $(VENV)/.installed-*
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print | xargs rm -rf

distclean: clean
	rm -rf $(VENV)
