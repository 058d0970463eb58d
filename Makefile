# Two commands do all the set-up on a fresh Debian machine: `make demo` and `make test`.
# Both make .venv, install what is missing (as root or with sudo) and say what they leave out.

SHELL := /bin/bash
PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
export PATH
WORKERS ?= 2

.PHONY: help demo test test-core check bench packages clean

help:
	@echo "make demo    build examples/hello to a ZIP and examples/scoring to an image, and run it"
	@echo "make test    ruff, mypy and pytest with every real part that can be had here"
	@echo "make test-core  the tests that need no Docker, no registry and nothing of Debian's"
	@echo "make check   ruff and mypy alone"
	@echo "make bench   imagekit against BuildKit and others, side by side"
	@echo "make packages  well-known packages after slimming, as the table of README"

demo:
	@.ci/setup demo
	imagekit build --no-locked --project examples/hello --output examples/hello/dist
	imagekit check --project examples/hello examples/hello/dist/hello.zip
	imagekit build --no-locked --project examples/scoring --output examples/scoring/dist
	imagekit check --project examples/scoring examples/scoring/dist/scoring.oci
	@python examples/invoke.py examples/scoring

check:
	ruff check .
	ruff format --check .
	mypy

test:
	@.ci/setup test
	@$(MAKE) --no-print-directory check
	# A file stays with one worker, as what it builds once serves all of its tests.
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-core:
	@.ci/setup test
	@.ci/core

bench:
	@.ci/setup test
	python benchmarks/run.py

packages:
	@.ci/setup test
	python -m tests.packages

clean:
	rm -rf .venv dist examples/*/dist
