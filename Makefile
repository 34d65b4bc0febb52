# The verbs of this project; `make help` lists them. Two are enough to begin with: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports bench docs constraints clean distclean

VENV ?= .venv
BIN := $(VENV)/bin
export VENV

help: ## List the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything: system packages, .venv, Python packages, models (quick the second time)
	@deploy/setup.sh

demo: setup ## Two synthetic beds over real RTSP, Redis and metrics; DEMO_ARGS="--duration 60 --summary s.json"
	@$(BIN)/nicu-monitor demo $(DEMO_ARGS)

test: setup lint types imports ## Everything that CI checks: lint, types, imports, tests
	@$(BIN)/pytest -m "not slow" $(PYTEST_ARGS)

lint: ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: ## mypy, strict
	@$(BIN)/mypy

imports: ## import-linter: export -> trainer -> monitor
	@$(BIN)/lint-imports --no-logo

bench: setup ## Latency and throughput of every engine, as ratios to ONNX Runtime in the same run
	@$(BIN)/nicu-export bench $(VENV)/share/nicu-pain-monitor/models/retinaface --engine all
	@$(BIN)/nicu-export bench monitor/bundles/ncnn-demo --engine all

docs: setup ## Build the documentation into site/, with its links checked
	@$(BIN)/mkdocs build --strict --quiet --config-file deploy/mkdocs.yml --site-dir ../site
	@echo "open site/index.html"

constraints: ## Write deploy/constraints.txt anew from what is installed
	@{ grep '^#' deploy/constraints.txt; $(BIN)/pip freeze --exclude-editable --exclude PyGObject | sed 's/+cpu$$//'; } > deploy/constraints.new
	@mv deploy/constraints.new deploy/constraints.txt

clean: ## Remove caches and build results
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment, too
	@rm -rf $(VENV)
