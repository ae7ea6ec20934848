#!/usr/bin/env bash
# Brings a bare Debian/Ubuntu machine to where Gaussitu builds and tests: apt packages (as root or with
# sudo; otherwise names what is missing) and npm packages from the lock file. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential cmake pkg-config clang-format doctest-dev libzmq3-dev libhdf5-dev zlib1g-dev gfortran libopenmpi-dev openmpi-bin
  python3-numpy python3-h5py python3-zmq python3-msgpack hdf5-tools fonts-dejavu-core)

missing=()
for p in "${packages[@]}"; do
  [[ $(dpkg-query -W -f='${Status}' "$p" 2>/dev/null) == *'ok installed'* ]] || missing+=("$p")
done
if ((${#missing[@]})); then
  sudo=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo -n)
    else
      echo "setup: missing system packages: ${missing[*]}" >&2
      echo "setup: install them (apt-get install ${missing[*]}) or run again as root." >&2
      exit 1
    fi
  fi
  echo "setup: installing ${missing[*]}"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

command -v node >/dev/null || { echo "setup: Node.js 20.17 or newer is needed (https://nodejs.org)" >&2; exit 1; }
node -e 'const [a,b]=process.versions.node.split(".").map(Number); if(a<20||(a===20&&b<17)){console.error(`setup: Node ${process.versions.node} found, 20.17 or newer needed`);process.exit(1)}'
npm ci --no-audit --no-fund --loglevel=error
