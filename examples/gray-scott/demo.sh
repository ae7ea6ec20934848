#!/usr/bin/env bash
# make demo: the service and a coupled Gray-Scott simulation, once for a small model of the fields, once within a strict
# bound; then what came of it as tables and a picture, beside HDF5 + gzip of the same arrays.
# Settings: DEMO_GRID DEMO_STEPS DEMO_TARGET DEMO_BOUND, e.g. DEMO_TARGET="--psnr 45" DEMO_BOUND="--pw-rel 1e-2" make demo
set -euo pipefail
cd "$(dirname "$0")/../.."

grid=${DEMO_GRID:-48} steps=${DEMO_STEPS:-6} target=${DEMO_TARGET:---ratio 50} bound=${DEMO_BOUND:---rel 1e-3}
out=demo-out raw=$out/raw
gaussitu() { node dist/cli/main.js "$@"; }
settings=(--grid "$grid" --steps "$steps" --start 1500 --every 2)
simulation=build/examples/gray-scott/gray-scott
[ -x "$simulation" ] || { echo "demo: $simulation is not built (libzmq3-dev missing? make setup native)" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out"
ranks=1 launch=()
if command -v mpirun >/dev/null && [[ $(ldd "$simulation") == *libmpi* ]]; then
  ranks=2 launch=(mpirun --oversubscribe -n 2)
  # Ranks that wait must leave the cores to the training.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
fi

service="" simulating=""
stop() { # Ctrl-C: the service stores the steps that are complete, then goes
  trap - INT TERM EXIT
  [ -z "$simulating" ] || kill -TERM "$simulating" 2>/dev/null || true
  [ -z "$service" ] || { kill -INT "$service" 2>/dev/null || true; wait "$service" 2>/dev/null || true; }
  exit "${1:-130}"
}
trap 'stop 130' INT TERM
trap 'stop $?' EXIT

couple() { # NAME TARGET...: runs the simulation coupled to a service that stores into demo-out/NAME
  local run=$out/$1 log=$out/$1.log shown=0 stored pushed endpoint
  shift
  echo "   gaussitu serve --out $run $* --once"
  gaussitu serve --listen tcp://127.0.0.1:0 --out "$run" "$@" --once --json >"$log.jsonl" 2>"$log" &
  service=$!
  for _ in $(seq 300); do
    endpoint=$(sed -n 's/.*"event":"listening".*"endpoint":"\([^"]*\)".*/\1/p' "$log.jsonl")
    [ -n "$endpoint" ] && break
    kill -0 "$service" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.1
  done
  [ -n "$endpoint" ] || { echo "demo: the service did not start in 30 s, see $log" >&2; exit 1; }
  GAUSSITU_ENDPOINT=$endpoint "${launch[@]}" "$simulation" "${settings[@]}" --close-seconds 900 \
    >"$log.simulation" 2>&1 &
  simulating=$!
  while kill -0 "$simulating" 2>/dev/null; do
    stored=$(grep -c '"event":"step"' "$log.jsonl" || true)
    pushed=$(grep -c '^step ' "$log.simulation" || true)
    if [ "$stored/$pushed" != "$shown" ]; then
      shown=$stored/$pushed
      echo "   step $pushed of $steps computed, $stored stored"
    fi
    kill -0 "$service" 2>/dev/null || [ "$stored" -ge "$steps" ] || { cat "$log" >&2; exit 1; }
    sleep 0.5
  done
  wait "$simulating" || { cat "$log.simulation" "$log" >&2; exit 1; }
  simulating=""
  wait "$service" || { cat "$log" >&2; exit 1; }
  service=""
  sed -n '/^mean/,$s/^/   /p' "$log.simulation"
  echo
  gaussitu inspect "$run"
  echo
}

echo "Gray-Scott, ${grid}^3 nodes on $ranks rank(s), pushes u and v every 2 solver steps to the service."
echo
echo "1. Small: a model of $steps steps, trained while the simulation runs"
couple model $target
echo "2. Strict: every value within a bound, checked by decoding before it is stored"
couple bounded $bound

# The same simulation once more, uncoupled, for the original to compare with: it is deterministic.
last=$((steps - 1))
"$simulation" "${settings[@]}" --output hdf5 --out "$out/hdf5" --raw "$raw" --quiet >/dev/null
mkdir "$out/gzip"
for file in "$out"/hdf5/*.h5; do h5repack -f SHUF -f GZIP=6 "$file" "$out/gzip/${file##*/}"; done
for run in model bounded; do
  gaussitu verify "$out/$run" --against "$raw" >"$out/$run.verify.txt"
done

size() { cat "$1"/* | wc -c; }
arrays=$(cat "$raw"/*.f32 | wc -c)
row() { # NAME FOLDER: every byte that it holds
  awk -v name="$1" -v bytes="$(size "$2")" -v raw="$arrays" \
    'BEGIN { printf "   %-34s %9.1f kB  %7.1f:1\n", name, bytes / 1000, raw / bytes }'
}
echo "3. Beside raw HDF5 and HDF5 + gzip of the same arrays, every byte on disk"
row "HDF5" "$out/hdf5"
row "HDF5 + shuffle + gzip -6" "$out/gzip"
row "gaussitu $bound" "$out/bounded"
row "gaussitu $target" "$out/model"
echo "   Both runs were decoded and agree with the originals and their certificates ($out/*.verify.txt)."

# The original can stand beside the decoded field when the run has it in one block, as the raw folder has.
against=()
[ "$ranks" -gt 1 ] || against=(--against "$raw")
gaussitu render "$out/model" --field u --step "$last" "${against[@]}" -o "$out/u.png"

cat <<END

Files:   $out/model/ $out/bounded/ (compressed HDF5)   $raw/ (the originals)   $out/u.png (decoded field, volume)
Next:    node dist/cli/main.js decode $out/model --field u --step $last -o u.vtkhdf  # open it in ParaView
         node dist/cli/main.js replay $raw --out $out/again --psnr 50              # other targets, same data
         DEMO_TARGET="--psnr 45" DEMO_BOUND="--pw-rel 1e-2" DEMO_GRID=96 make demo
         docs/client.md: couple your own simulation in ten lines
END
