#!/usr/bin/env bash
# make demo: the service and a coupled Gray-Scott simulation, then what came of it as a table and a picture.
# Settings: DEMO_GRID DEMO_STEPS DEMO_TARGET, e.g. DEMO_TARGET="--psnr 45" make demo
set -euo pipefail
cd "$(dirname "$0")/../.."

grid=${DEMO_GRID:-48} steps=${DEMO_STEPS:-6} target=${DEMO_TARGET:---ratio 50}
out=demo-out run=$out/run raw=$out/raw
gaussitu() { node dist/cli/main.js "$@"; }
settings=(--grid "$grid" --steps "$steps" --start 1500 --every 2)
simulation=build/examples/gray-scott/gray-scott
[ -x "$simulation" ] || { echo "demo: $simulation is not built (libzmq3-dev missing? make setup native)" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out"
ranks=1 launch=()
if command -v mpirun >/dev/null && ldd "$simulation" | grep -q libmpi; then
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

echo "1. The service: gaussitu serve --out $run $target --once"
gaussitu serve --listen tcp://127.0.0.1:0 --out "$run" $target --once --json >"$out/service.jsonl" 2>"$out/service.log" &
service=$!
for _ in $(seq 300); do
  endpoint=$(sed -n 's/.*"event":"listening".*"endpoint":"\([^"]*\)".*/\1/p' "$out/service.jsonl")
  [ -n "$endpoint" ] && break
  kill -0 "$service" 2>/dev/null || { cat "$out/service.log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$endpoint" ] || { echo "demo: the service did not start in 30 s, see $out/service.log" >&2; exit 1; }

echo "2. The simulation: Gray-Scott, ${grid}^3 nodes, $ranks rank(s), pushes u and v every 2 solver steps to $endpoint"
GAUSSITU_ENDPOINT=$endpoint "${launch[@]}" "$simulation" "${settings[@]}" --close-seconds 900 \
  >"$out/simulation.log" 2>&1 &
simulating=$!
shown=0
while kill -0 "$simulating" 2>/dev/null; do
  stored=$(grep -c '"event":"step"' "$out/service.jsonl" || true)
  pushed=$(grep -c '^step ' "$out/simulation.log" || true)
  if [ "$stored/$pushed" != "$shown" ]; then
    shown=$stored/$pushed
    echo "   step $pushed of $steps computed, $stored stored"
  fi
  kill -0 "$service" 2>/dev/null || [ "$stored" -ge "$steps" ] || { cat "$out/service.log" >&2; exit 1; }
  sleep 0.5
done
wait "$simulating" || { cat "$out/simulation.log" "$out/service.log" >&2; exit 1; }
simulating=""
wait "$service" || { cat "$out/service.log" >&2; exit 1; }
service=""
sed -n '/^mean/,$s/^/   /p' "$out/simulation.log"

echo "3. What is stored: gaussitu inspect $run"
echo
gaussitu inspect "$run"

# The same simulation once more, uncoupled, for the original to compare with: it is deterministic.
last=$((steps - 1))
"$simulation" "${settings[@]}" --output none --raw "$raw" --quiet >/dev/null
# The original can stand beside the decoded field when the run has it in one block, as the raw folder has.
against=()
[ "$ranks" -gt 1 ] || against=(--against "$raw")
gaussitu render "$run" --field u --step "$last" "${against[@]}" -o "$out/u.png"
gaussitu verify "$run" --against "$raw" >"$out/verify.txt" && echo "4. Checked against the original arrays: $out/verify.txt"

cat <<END

Files:   $run/ (compressed HDF5)   $raw/ (the originals)   $out/u.png (decoded field, volume)
Next:    node dist/cli/main.js decode $run --field u --step $last -o u.vtkhdf     # open it in ParaView
         node dist/cli/main.js replay $raw --out $out/again --psnr 50              # other targets, same data
         DEMO_TARGET="--psnr 45" DEMO_GRID=96 make demo
         docs/client.md: couple your own simulation in ten lines
END
