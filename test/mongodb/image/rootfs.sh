#!/usr/bin/env bash
# Makes the root file system of the tests' MongoDB server in the empty directory given, and uses the one above it: Debian, PostgreSQL, FerretDB.
set -euo pipefail

ROOT=${1:?usage: rootfs.sh EMPTY_DIRECTORY}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../../stacks/debootstrap.sh
source "$HERE/../../../stacks/debootstrap.sh"
# the first suite that has the DocumentDB extension of PostgreSQL
SUITE=sid
BUNDLE=/etc/ssl/certs/ca-certificates.crt

in_root() { DEBIAN_FRONTEND=noninteractive chroot "$ROOT" "$@"; }

# What this machine trusts, and how its apt reaches the mirror, hold in the root as well while packages are installed.
borrow_from_host() {
  [ ! -f "$BUNDLE" ] || cp "$BUNDLE" "$ROOT$BUNDLE"
  [ ! -d /etc/apt/apt.conf.d ] || cp -r /etc/apt/apt.conf.d/. "$ROOT/etc/apt/apt.conf.d/"
  cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
  chmod +x "$ROOT/usr/sbin/policy-rc.d"
  # an image that is half made is thrown away: there is nothing to sync
  echo force-unsafe-io >"$ROOT/etc/dpkg/dpkg.cfg.d/unsafe-io"
}

database() {
  say 'installing PostgreSQL with the DocumentDB extension'
  mount -t proc proc "$ROOT/proc"
  mount --bind /dev "$ROOT/dev"
  in_root apt-get -q -y --no-install-recommends install postgresql-18-documentdb >"$ROOT/tmp/install.log" 2>&1 ||
    { tail -n 20 "$ROOT/tmp/install.log" && return 1; }
  umount "$ROOT/dev" "$ROOT/proc"
}

# Beside the rest: it waits for the network, and compiles, while packages are fetched and unpacked.
begin_server() {
  say 'building FerretDB beside it'
  (cd "$HERE/server" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$ROOT/../ferretdb" .) \
    >"$ROOT/../ferretdb.log" 2>&1 &
  SERVER=$!
}

end_server() {
  say 'waiting for FerretDB'
  wait "$SERVER" || { tail -n 20 "$ROOT/../ferretdb.log" && return 1; }
  install -m 755 "$ROOT/../ferretdb" "$ROOT/usr/local/bin/ferretdb"
  install -m 755 "$HERE/start.sh" "$ROOT/usr/local/bin/start"
}

trim() {
  in_root apt-get clean
  rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/var/cache/* "$ROOT"/var/log/* "$ROOT"/tmp/* \
    "$ROOT"/usr/share/{man,info,doc,locale} "$ROOT"/var/lib/postgresql/18
  rm -f "$ROOT"/etc/{machine-id,hostname,resolv.conf} "$ROOT/usr/sbin/policy-rc.d"
}

use_apt_proxy
begin_server
# the mirror that this machine's own apt uses for Debian, whatever suite it is there for
bootstrap "$ROOT" "$SUITE" ca-certificates "${DEBIAN_MIRROR:-$(apt_repository 'Label: Debian')}"
borrow_from_host
database
end_server
trim
say "root file system: $(du -sxm "$ROOT" | cut -f 1) MB"
