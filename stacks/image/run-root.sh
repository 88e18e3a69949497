#!/usr/bin/env bash
# Makes the root file system of the run image in the empty directory given: debootstrap, security updates, and the finish.
set -euo pipefail

ROOT=${1:?usage: run-root.sh EMPTY_DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack.conf
source "$HERE/stack.conf"
# shellcheck source=../debootstrap.sh
source "$HERE/../debootstrap.sh"

packages() { grep -Ev '^(#|$)' "$HERE/run-packages.txt" | paste -sd, -; }

# Without this the image would keep every hole mended since the suite's last point release.
security_updates() {
  local mirror=${DEBIAN_SECURITY_MIRROR:-$(apt_repository 'Label: Debian-Security' "Codename: $SUITE-security")}
  if [ -z "$mirror" ]; then
    say "this machine's apt names no security repository for $SUITE: no security updates installed"
    return 0
  fi
  say "security updates from $mirror"
  echo "deb $mirror $SUITE-security main" >"$ROOT/etc/apt/sources.list.d/security.list"
  chroot "$ROOT" apt-get -q -o Acquire::Languages=none update >/dev/null
  DEBIAN_FRONTEND=noninteractive chroot "$ROOT" apt-get -q -y --no-install-recommends upgrade >"$ROOT/tmp/upgrade.log" 2>&1 ||
    { cat "$ROOT/tmp/upgrade.log" && return 1; }
  awk '/ upgraded,/ { print "       " $0 }' "$ROOT/tmp/upgrade.log"
}

use_apt_proxy
bootstrap "$ROOT" "$SUITE" "$(packages)" "${DEBIAN_MIRROR:-$(apt_repository 'Label: Debian' "Codename: $SUITE")}"
security_updates
"$HERE/finish.sh" "$ROOT"
# this machine's name and resolver are not the image's; its Debian mirror stays, for buildpacks that fetch packages
rm -f "$ROOT"/etc/{machine-id,hostname,resolv.conf}
say "root file system: $(du -sxm "$ROOT" | cut -f 1) MB"
