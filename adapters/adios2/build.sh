#!/usr/bin/env bash
# Builds the plugins and the programs of their tests in the environment that environment.sh makes, serial and MPI,
# from a built Gaussitu (make native). Prints the path of that root; everything is in /gaussitu there. Exit code 77
# when the environment cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(bash adapters/adios2/environment.sh)
to=$root/gaussitu
mkdir -p "$to/native" "$to/test" "$to/build/native/client" "$to/build/native/core"
cp -ru adapters "$to/"
cp -ru native/client native/core "$to/native/"
cp -ru test/adios2 "$to/test/"
cp -u build/native/client/libgaussitu_client_static.a "$to/build/native/client/"
cp -u build/native/core/libgaussitu_core.a "$to/build/native/core/"
chroot "$root" env -i PATH=/usr/bin:/bin HOME=/root bash -euo pipefail -c '
  cd /gaussitu
  for kind in serial mpi; do
    flags=(-DADIOS2_DIR=/usr/lib/$(uname -m)-linux-gnu/cmake/adios2/$kind -DGAUSSITU_ADIOS2_TESTS=ON)
    if [ $kind = mpi ]; then flags+=(-DGAUSSITU_ADIOS2_MPI=ON -DGAUSSITU_ADIOS2_SUFFIX=_mpi); fi
    { cmake -S adapters/adios2 -B $kind "${flags[@]}" && cmake --build $kind --parallel 2; } > $kind.log 2>&1 ||
      { tail -30 $kind.log >&2; exit 1; }
  done'
echo "$root"
