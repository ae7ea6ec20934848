#!/usr/bin/env bash
# Runs the native unit tests (ctest) and the TypeScript and end-to-end tests (vitest); closes with one line.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -n "${GAUSSITU_DATA:-}" ] || echo "GAUSSITU_DATA is not set: tests on real simulation data will be skipped"
out=$(mktemp)
trap 'rm -f "$out" "$out.json"' EXIT

ctest --test-dir build --output-on-failure | tee "$out"
native=${PIPESTATUS[0]}
total=$(sed -nE 's/.*tests failed out of ([0-9]+).*/\1/p' "$out")
bad=$(sed -nE 's/.*, ([0-9]+) tests failed out of.*/\1/p' "$out")

npx vitest run --reporter=default --reporter=json --outputFile.json="$out.json"
ts=$?
read -r passed failed skipped < <(node -e '
  const r = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  console.log(r.numPassedTests, r.numFailedTests + r.numFailedTestSuites * (r.numFailedTests ? 0 : 1), r.numPendingTests + r.numTodoTests);
' "$out.json" 2>/dev/null || echo "0 1 0")

echo "$((${total:-0} - ${bad:-0} + passed)) passed, $((${bad:-0} + failed)) failed, $skipped skipped"
[ "$native" = 0 ] && [ "$ts" = 0 ]
