# The verbs of this project; `make help` lists them. Two are enough to begin with: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage coverage-core check lint types imports mutation coverage-simulation bench slow firefox docs reliability faults-slow fleet fleet-slow cluster soak fuzz fuzz-coverage audit sbom constraints clean distclean

VENV ?= .venv
BIN := $(VENV)/bin
export VENV
# Setup compiles nothing; where this is set, as in many containers, every process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything: system packages, .venv, Python packages, models (quick the second time)
	@deploy/setup.sh

demo: setup ## Two synthetic beds over real RTSP, Redis and metrics; DEMO_ARGS="--duration 60 --summary s.json"
	@$(BIN)/nicu-monitor demo $(DEMO_ARGS)

# A test that hangs in a library's code hears no signal, so no time limit of its own: then the run ends, with a traceback.
HANG := -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true

# Many tests wait: two workers kept two quiet cores busy for two thirds of the time of `make check`.
WORKERS ?= 3
WHOLE_WORKERS ?= 3
# What becomes of a test that fails beside others and passes twice alone; the alternative is `report`.
UNSTABLE ?= fail
SHARED := --dist loadgroup --no-loadscope-reorder
PARALLEL := -n $(WORKERS) $(SHARED)
QUICK := not (slow or e2e or docs or browser or bench or faults)
COVER := --cov --cov-append --cov-report= --cov-fail-under=0

test: setup lint imports ## Everything that CI checks: lint, imports, types, tests
	@$(BIN)/python tests/support/whole_run.py --workers $(WORKERS) --whole-workers $(WHOLE_WORKERS) --unstable $(UNSTABLE) \
		--durations=40 $(PYTEST_ARGS)

coverage: setup ## The quick tests under coverage with branches; fails below the floor in pyproject.toml
	@$(BIN)/coverage erase
	@$(BIN)/pytest -q -m "$(QUICK)" $(PARALLEL) $(HANG) $(COVER) $(PYTEST_ARGS) tests/monitor
	@$(BIN)/pytest -q -m "$(QUICK)" $(PARALLEL) $(HANG) $(COVER) $(PYTEST_ARGS) tests --ignore=tests/monitor
	@$(BIN)/coverage report

# Percent; 88.1 when it was set. What runs as a program of its own, such as a server in a test, is not counted.
CORE_FLOOR := 87
CORE := pain alerts delivery

# coverage removes every file whose name begins with that of its data and a dot: a folder of its own.
coverage-core: ## Branch coverage of alarm logic, alerts and delivery by their own short tests, with a floor; part of `make test`
	@mkdir -p build/coverage && rm -f build/coverage/core
	@COVERAGE_FILE=build/coverage/core HYPOTHESIS_PROFILE=quick $(BIN)/pytest -q -p no:cacheprovider $(HANG) \
		-m "$(QUICK) and not long" $(CORE:%=--cov=monitor.%) --cov-report= --cov-fail-under=0 $(CORE:%=tests/monitor/%) \
		|| echo "coverage-core: a test failed; only coverage is measured here; the same tests run, and count, without it"
	@COVERAGE_FILE=build/coverage/core $(BIN)/coverage report --fail-under=$(CORE_FLOOR)

check: setup lint imports ## The quick loop: lint, imports, types, short tests of single parts
	@HYPOTHESIS_PROFILE=quick $(BIN)/python tests/support/whole_run.py --short --workers $(WORKERS) -q $(PYTEST_ARGS)

mutation: setup ## Break the code in small ways and name what no test notices; MUTATION_ARGS="pain --mutants 200 --seed 2"
	@$(BIN)/python tests/support/mutation.py $(MUTATION_ARGS)

coverage-simulation: setup ## How often intervals over infants hold the truth (10 minutes); COVERAGE_ARGS="--repetitions 100"
	@$(BIN)/python -m trainer.evaluation.coverage $(COVERAGE_ARGS)

lint: ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: ## mypy, strict: the packages, then the programs that run on a GPU machine
	@$(BIN)/mypy
	@MYPYPATH=tests/gpu:tests/support $(BIN)/mypy tests/gpu/[a-z]_*.py tests/gpu/record.py tests/gpu/step.py

imports: ## import-linter: export -> trainer -> monitor
	@$(BIN)/lint-imports --no-logo

bench: setup ## Make the tables of docs/performance.md anew (an hour), then time every engine
	@$(BIN)/python tests/bench/tables.py record build/bench $(BENCH_ARGS)
	@$(BIN)/python tests/bench/tables.py write build/bench docs/performance.md
	@$(BIN)/nicu-export bench $(VENV)/share/nicu-pain-monitor/models/retinaface --engine all
	@$(BIN)/nicu-export bench monitor/bundles/ncnn-demo --engine all

slow: setup ## What proves at length what a quicker test proves in short, and has no target of its own (half an hour)
	@$(BIN)/pytest -m slow $(HANG) $(PYTEST_ARGS) --ignore=tests/monitor/fleet tests/monitor
	@$(BIN)/pytest -m slow $(HANG) $(PYTEST_ARGS) tests --ignore=tests/monitor --ignore=tests/faults --ignore=tests/trainer/experiments/test_cluster.py

firefox: setup ## The main views of the page in Debian's Firefox (apt-get install firefox-esr; a minute)
	@$(BIN)/pytest -q tests/monitor/web/test_firefox.py $(PYTEST_ARGS)

docs: setup ## Build the documentation into site/, with its links checked
	@$(BIN)/mkdocs build --strict --quiet --config-file deploy/mkdocs.yml --site-dir ../site
	@echo "open site/index.html"

RECORD := NICU_RELIABILITY_RECORD=$(CURDIR)/tests/faults/results.json

reliability: setup ## Break everything that can break, quickly, and renew docs/reliability.md
	@$(RECORD) $(BIN)/pytest -m "not slow" --deselect tests/faults/test_table.py tests/faults $(PYTEST_ARGS)
	@$(BIN)/python tests/support/reliability_table.py

faults-slow: setup ## 200 camera faults, 200 kills, a million frames; renews docs/reliability.md, too
	@$(RECORD) $(BIN)/pytest -m slow tests/faults $(PYTEST_ARGS)
	@$(BIN)/python tests/support/reliability_table.py

fleet: setup ## Stations, Redis servers and Sentinels that share beds, broken one after another (ten minutes)
	@rm -f build/fleet.jsonl
	@$(BIN)/pytest -q tests/monitor/fleet tests/monitor/station/test_fleet.py tests/monitor/station/test_ward.py tests/monitor/ward tests/monitor/demo/test_fleet_demo.py tests/deploy/test_fleet_files.py $(PYTEST_ARGS)
	@$(RECORD) $(BIN)/pytest -q tests/faults/fleet $(PYTEST_ARGS)
	@$(BIN)/python tests/support/reliability_table.py
	@cat build/fleet.jsonl

fleet-slow: setup ## 200 random faults of such a fleet in a row (half an hour to an hour)
	@$(RECORD) FLEET_FAULTS=200 $(BIN)/pytest -q tests/faults/fleet/test_fleet_endurance.py $(PYTEST_ARGS)
	@$(BIN)/python tests/support/reliability_table.py

cluster: setup ## Trainings on a Ray cluster of two nodes on this machine, one of them killed (5 minutes)
	@$(BIN)/python -c "import ray" 2>/dev/null || $(BIN)/pip install --quiet --constraint deploy/constraints.txt -e ".[cluster]"
	@$(BIN)/pytest -q tests/trainer/experiments/test_cluster.py $(PYTEST_ARGS)

soak: setup ## A daemon under random faults for a day; SOAK_ARGS="--hours 0.05" for a trial
	@PYTHONPATH=tests/support $(BIN)/python tests/support/soak.py $(SOAK_ARGS)

fuzz: setup ## 100,000 random inputs for every reader; FUZZ_ARGS="config --cases 5000 --seed 1"
	@$(BIN)/python tests/support/fuzz_run.py $(FUZZ_ARGS)

fuzz-coverage: setup ## One reader under atheris; FUZZ_TARGET=config FUZZ_ARGS="-max_total_time=60"
	@$(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/pip install --quiet --constraint deploy/constraints.txt -e ".[fuzz]"
	@$(BIN)/python tests/support/fuzz_coverage.py $(or $(FUZZ_TARGET),config) $(FUZZ_ARGS)

audit: setup ## Known holes in the pinned dependencies; needs PyPI's advisory service
	@$(BIN)/python -c "import pip_audit" 2>/dev/null || $(BIN)/pip install --quiet --constraint deploy/constraints.txt -e ".[audit]"
	@$(BIN)/pip-audit --requirement deploy/constraints.txt --no-deps --disable-pip --strict --progress-spinner off

sbom: setup ## Bill of materials of the pinned dependencies (CycloneDX), in build/sbom.cdx.json
	@$(BIN)/python -c "import cyclonedx_py" 2>/dev/null || $(BIN)/pip install --quiet --constraint deploy/constraints.txt -e ".[audit]"
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements deploy/constraints.txt --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file build/sbom.cdx.json
	@echo "build/sbom.cdx.json: $$(grep -c '"purl"' build/sbom.cdx.json) packages"

constraints: ## Write deploy/constraints.txt anew from what is installed
	@{ grep '^#' deploy/constraints.txt; $(BIN)/pip freeze --exclude-editable --exclude PyGObject | sed 's/+cpu$$//'; } > deploy/constraints.new
	@mv deploy/constraints.new deploy/constraints.txt

clean: ## Remove caches and build results
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment, too
	@rm -rf $(VENV)
