#!/usr/bin/env bash
# Every figure of docs/benchmarks.md as Markdown tables on standard output. `bench/run.sh --quick` takes a few
# minutes; `bench/run.sh ratio warm` runs the named ones only.
set -euo pipefail
cd "$(dirname "$0")/.."

options=()
wanted=()
for argument in "$@"; do
  case $argument in
    --*) options+=("$argument") ;;
    *) wanted+=("$argument") ;;
  esac
done
((${#wanted[@]})) || wanted=(ratio rate model bounds warm unstructured native cuda coupling memory)

for name in "${wanted[@]}"; do
  if [ "$name" = native ]; then
    bash bench/native.sh "${options[@]}"
  elif [ "$name" = cuda ]; then
    bash bench/cuda.sh
  elif [ -f "bench/$name.ts" ]; then
    npx tsx "bench/$name.ts" "${options[@]}"
  else
    echo "bench: no bench is called $name (ratio rate model bounds warm unstructured native cuda coupling memory)" >&2
    exit 2
  fi
done
