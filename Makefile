# Two commands: `make demo` shows the program, `make test` checks it.
# Each does all its own set-up; the virtual environment is .venv.

PYTHON ?= python3
BIN := .venv/bin

MEASURED := mannequins honesty open_nsfw occlusion deconvnet coverage statistics costs engine
MEASURED_ON_PHOTOS := skin_pixels limbs funnel settings drawn_skin speed train

.PHONY: demo lessons test lint measure soak corpus clean help

help:
	@echo "make demo   install, draw test sets, compare 1996 and the nets on them, say where the report is"
	@echo "make lessons   the lessons, from what the demo left; what is missing is computed"
	@echo "make test   install, then lint, types, contracts and tests"
	@echo "make measure PHOTOS=DIR   every benchmark, for some hours; see benchmarks/README.md"
	@echo "make soak   faults by the dozen, and 100,000 pictures through both contestants (over an hour)"
	@echo "make corpus   download Pillow's test files, and look at them whole and damaged"
	@echo "make clean  remove the virtual environment and everything that was built"

.venv/.base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "skindeep needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing skindeep into .venv (about a minute) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.base
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/.base
	@$(BIN)/skindeep demo --out demo

lessons: .venv/.base
	@$(BIN)/skindeep lessons --out lessons --results demo

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint
	$(BIN)/pytest -n auto -m "not soak"

measure: .venv/.dev
	@test -n "$(PHOTOS)" || { echo "expected a folder of photographs: make measure PHOTOS=DIR (see benchmarks/README.md)" >&2; exit 1; }
	@for name in $(MEASURED); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit; done
	@for name in $(MEASURED_ON_PHOTOS); do \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name --photos "$(PHOTOS)" || exit; done
	@mkdir -p build
	$(BIN)/python -m benchmarks.judge --photos "$(PHOTOS)" --out build/judge

soak: .venv/.dev
	$(BIN)/pytest -m soak
	$(BIN)/python -m benchmarks.soak

PILLOW := build/corpus/pillow-13.0.0

$(PILLOW):
	@mkdir -p build/corpus
	$(BIN)/pip download --quiet --no-deps --no-binary :all: -d build/corpus pillow==13.0.0
	tar -xzf $(PILLOW).tar.gz -C build/corpus

corpus: .venv/.dev $(PILLOW)
	$(BIN)/python -m benchmarks.mutants --corpus $(PILLOW)/Tests/images

clean:
	rm -rf .venv demo lessons .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find images baseline convnet compare -name __pycache__ -prune -exec rm -rf {} +
