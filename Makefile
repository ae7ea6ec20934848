# Two commands do everything: `make demo` and `make test`. Both set the machine up first.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
BUILD := build
# Real simulation data for tests and benches, which run in folders of their own; without it they skip visibly.
override GAUSSITU_DATA := $(or $(GAUSSITU_DATA),$(wildcard ../shared/data))
override GAUSSITU_DATA := $(if $(GAUSSITU_DATA),$(shell realpath -m -- "$(GAUSSITU_DATA)"))
export GAUSSITU_DATA

.PHONY: help setup native checks cuda ts demo test test-adios2 lint format bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .setup-stamp ## install system packages (apt, when root or sudo), npm packages
.setup-stamp: package-lock.json scripts/setup.sh
	bash scripts/setup.sh
	@touch $@

native: setup ## build the native core, addon and client
	@cmake -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release > $(BUILD).cmake.log 2>&1 || { cat $(BUILD).cmake.log; exit 1; }
	@rm -f $(BUILD).cmake.log
	cmake --build $(BUILD) --parallel $(JOBS)

checks: native ## build the native tests and benches
	cmake --build $(BUILD) --target gaussitu_checks --parallel $(JOBS)

cuda: native ## build the CUDA back end where nvcc 12 or 13 is found (minutes)
	@if cmake --build $(BUILD) --target help | grep -w gaussitu_cuda > /dev/null; \
	  then cmake --build $(BUILD) --target gaussitu_cuda --parallel $(JOBS); \
	  else echo "no nvcc 12 or 13: the CUDA back end is not built"; fi

ts: setup ## compile TypeScript into dist/
	npx tsc -p tsconfig.build.json

demo: native ts ## a Gray-Scott simulation coupled to the service: compressed files, a table, a picture
	bash examples/gray-scott/demo.sh

test: checks cuda ts ## the whole test suite
	bash scripts/test.sh

test-adios2: native ts ## the ADIOS2 plugins in a Debian root with ADIOS2 (root, 1.1 GB in the cache folder)
	GAUSSITU_ADIOS2_ROOT=$$(bash adapters/adios2/build.sh) npx vitest run test/adios2

lint: checks ## types, oxlint, prettier, clang-format
	npx tsc --noEmit
	npx oxlint --type-aware --deny-warnings
	npx prettier --check --log-level warn .
	git ls-files 'native/*.[ch]' '*.[ch]pp' '*.cu' '*.cuh' | xargs clang-format --dry-run --Werror

format: setup ## rewrite all sources in the house style
	npx prettier --write --log-level warn .
	git ls-files 'native/*.[ch]' '*.[ch]pp' '*.cu' '*.cuh' | xargs clang-format -i

bench: checks ts ## all benchmarks as tables (see docs/benchmarks.md)
	bash bench/run.sh

clean: ## remove everything built
	rm -rf $(BUILD) dist .setup-stamp demo-out bench-out
