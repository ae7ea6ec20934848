#!/usr/bin/env bash
# Figure 4: pair evaluations per second of the native core (bench/native/pairs_bench.cpp).
set -euo pipefail
cd "$(dirname "$0")/.."
echo '## Training speed: Gaussian-sample pairs per second'
echo
echo '```'
build/bench/native/pairs_bench
echo '```'
