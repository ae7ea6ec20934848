#!/usr/bin/env bash
# Prints the path of a Debian trixie root with ADIOS2 2.10 (serial and MPI) and a compiler, making it if it is
# not there: about 2 minutes and 1.1 GB, kept in GAUSSITU_ADIOS2_ROOT (default: a folder of the user's cache).
# Packages come from this machine's own Debian mirror. Exit code 77 and one line on stderr when it cannot be had.
set -euo pipefail
root=${GAUSSITU_ADIOS2_ROOT:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gaussitu/trixie-adios2}
packages=(g++ cmake make pkg-config libzmq3-dev libadios2-serial-core-dev libadios2-serial-c++11-dev
  libadios2-mpi-core-dev libadios2-mpi-c++11-dev adios2-serial-bin adios2-mpi-bin mpi-default-dev zlib1g-dev)
stamp=$root/.gaussitu-${#packages[@]}-ready

cannot() {
  echo "no ADIOS2 environment: $1" >&2
  exit 77
}

if [ ! -e "$stamp" ]; then
  [ "$(id -u)" = 0 ] || cannot "a chroot needs root"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '/\/debian\/*$/ && !found { print; found = 1 }')
  [ -n "$mirror" ] || cannot "this is no Debian machine with an apt mirror"
  command -v debootstrap >/dev/null || {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap debian-archive-keyring \
      >/dev/null 2>&1 || cannot "debootstrap cannot be installed"
  }
  mkdir -p "$(dirname "$root")"
  making=$(mktemp -d "$root.making-XXXXXX")
  trap 'rm -rf "$making"' EXIT
  echo "making a Debian trixie root with ADIOS2 (once, about 2 minutes) …" >&2
  log=$making.log
  {
    debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg trixie "$making" "$mirror" &&
      cp /etc/resolv.conf "$making/etc/resolv.conf" &&
      chroot "$making" env DEBIAN_FRONTEND=noninteractive sh -c \
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages[*]} && apt-get clean"
  } >"$log" 2>&1 || {
    tail -5 "$log" >&2
    rm -f "$log"
    cannot "debootstrap or apt failed"
  }
  rm -f "$log"
  touch "$making/$(basename "$stamp")"
  chmod 755 "$making"
  rm -rf "$root"
  mv "$making" "$root"
  trap - EXIT
fi
echo "$root"
