#!/usr/bin/env bash
# CUDA: where there is a card, builds for it, checks the kernels against the CPU and prints times beside the card's
# measured ceilings. Where there is none, says so and prints the least time per iteration that known cards could take.
set -euo pipefail
cd "$(dirname "$0")/.."
echo '## CUDA'
echo
if ! command -v nvcc > /dev/null || ! nvidia-smi -L > /dev/null 2>&1; then
  echo "No card that can be used here (nvcc and nvidia-smi are asked). Least times by bytes and operations:"
  echo
  npx tsx bench/cuda-roofline.ts
  exit 0
fi
sources=$(ls native/cuda/*.cu)
# shellcheck disable=SC2086
nvcc -std=c++20 -O3 -fmad=false -arch=native -Inative/core -Inative/cuda bench/native/cuda_bench.cu $sources \
  build/native/core/libgaussitu_core.a -lz -o build/cuda_bench
build/cuda_bench
