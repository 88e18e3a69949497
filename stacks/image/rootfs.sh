#!/usr/bin/env bash
# Makes the root file system of the stack image in the empty directory given: debootstrap, security updates, and the finish.
set -euo pipefail

ROOT=${1:?usage: rootfs.sh EMPTY_DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack.conf
source "$HERE/stack.conf"

say() { printf '       %s\n' "$*"; }

# The repository this machine's own apt uses for Debian (its codename and label given), or nothing.
apt_repository() {
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' "Label: $1" "Codename: $2" 'Component: main' 2>/dev/null | head -n 1
}

# debootstrap and apt inside the root reach the mirror the way this machine's apt does.
use_apt_proxy() {
  [ -z "${http_proxy:-}" ] && command -v apt-config >/dev/null || return 0
  local proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  case $proxy in '' | DIRECT) ;; *) export http_proxy=$proxy ;; esac
}

packages() { grep -Ev '^(#|$)' "$HERE/packages.txt" | paste -sd, -; }

bootstrap() {
  local mirror=${DEBIAN_MIRROR:-$(apt_repository Debian "$SUITE")}
  local arguments=(--variant=minbase "--include=$(packages)" "$SUITE" "$ROOT")
  [ -z "$mirror" ] || arguments+=("$mirror")
  say "debootstrap $SUITE from ${mirror:-its default mirror}"
  debootstrap "${arguments[@]}" 2>&1 | awk '
    /^I: (Retrieving|Validating|Extracting|Unpacking|Configuring)/ { if (++n % 60 == 0) { printf "       %s steps\n", n; fflush() } next }
    { print "       " $0; fflush() }'
}

# Without this the image would keep every hole mended since the suite's last point release.
security_updates() {
  local mirror=${DEBIAN_SECURITY_MIRROR:-$(apt_repository Debian-Security "$SUITE-security")}
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
bootstrap
security_updates
"$HERE/finish.sh" "$ROOT"
# this machine's name and resolver are not the image's; its Debian mirror stays, for buildpacks that fetch packages
rm -f "$ROOT"/etc/{machine-id,hostname,resolv.conf}
say "root file system: $(du -sxm "$ROOT" | cut -f 1) MB"
