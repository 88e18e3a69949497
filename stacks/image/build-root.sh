#!/usr/bin/env bash
# Makes the root file system of the run image, in the directory given, into that of the build image: adds packages only.
set -euo pipefail

ROOT=${1:?usage: build-root.sh DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../debootstrap.sh
source "$HERE/../debootstrap.sh"

packages() { grep -Ev '^(#|$)' "$HERE/build-packages.txt"; }

install_packages() {
  local log=$ROOT/tmp/install.log
  cp --dereference /etc/resolv.conf "$ROOT/etc/resolv.conf"
  chroot "$ROOT" apt-get -q -o Acquire::Languages=none update >/dev/null
  packages | DEBIAN_FRONTEND=noninteractive xargs chroot "$ROOT" \
    apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install >"$log" 2>&1 ||
    { cat "$log" && return 1; }
  awk '/ newly installed,/ { print "       " $0 }' "$log"
}

use_apt_proxy
say "packages for builds"
install_packages
"$HERE/trim.sh" "$ROOT"
rm "$ROOT/etc/resolv.conf"
say "root file system: $(du -sxm "$ROOT" | cut -f 1) MB"
