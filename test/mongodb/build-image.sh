#!/usr/bin/env bash
# Builds the tests' MongoDB server (FerretDB on PostgreSQL) and imports it into the Docker Engine under the TAG given.
set -euo pipefail

TAG=${1:?usage: build-image.sh TAG}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

# Ends what still writes below the temporary directory, all of it: debootstrap has a tree of children.
end_bootstrap() {
  local tries
  [ -n "$BOOTSTRAP" ] || return 0
  kill -TERM -- "-$BOOTSTRAP" 2>/dev/null || return 0
  for ((tries = 0; tries < 50; tries++)); do
    kill -0 -- "-$BOOTSTRAP" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$BOOTSTRAP" 2>/dev/null || return 0
}

# A chroot that died half-way still holds mounts: without this rm would reach into /proc and /dev.
cleanup() {
  local mount
  end_bootstrap
  while read -r mount; do umount -l "$mount"; done \
    < <(awk -v root="$TEMPORARY/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r)
  rm -rf --one-file-system "$TEMPORARY"
}

[ "$(id -u)" = 0 ] || fail 'debootstrap needs root: run this as root, or set MONGO_URL to a server you have.'
for tool in debootstrap docker go tar; do
  command -v "$tool" >/dev/null || fail "$tool is not installed: it is needed to build the tests' MongoDB server."
done

umask 022
BOOTSTRAP=
TEMPORARY=$(mktemp -d "${TMPDIR:-/tmp}/slipway-mongodb.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

started=$SECONDS
echo "-----> Building the tests' MongoDB server $TAG"
mkdir "$TEMPORARY/root"
# a session of its own, waited for: so a signal is acted upon at once, and ends all of it
setsid "$HERE/image/rootfs.sh" "$TEMPORARY/root" &
BOOTSTRAP=$!
wait "$BOOTSTRAP"
BOOTSTRAP=

echo '-----> Importing it into the engine'
image=$(tar -C "$TEMPORARY/root" --one-file-system --numeric-owner -cf - \
  --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./run/*' . |
  docker import \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'ENV LANG=C.UTF-8' \
    --change 'EXPOSE 27017' \
    --change 'ENTRYPOINT ["/usr/local/bin/start"]' \
    - "$TAG")
echo "       $image, $((SECONDS - started)) s"
