#!/usr/bin/env bash
# Builds the stack image with debootstrap and imports it into the Docker Engine under the TAG given.
set -euo pipefail

TAG=${1:?usage: build-stack.sh TAG}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=image/stack.conf
source "$HERE/image/stack.conf"

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

# A chroot that died half-way may still hold mounts: without this rm would reach into /proc.
cleanup() {
  local mount
  end_bootstrap
  while read -r mount; do umount -l "$mount"; done \
    < <(awk -v root="$TEMPORARY/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r)
  rm -rf --one-file-system "$TEMPORARY"
}

[ "$(id -u)" = 0 ] || fail 'debootstrap needs root: run this as root, or set STACK_IMAGE to an image you have.'
for tool in debootstrap docker tar; do
  command -v "$tool" >/dev/null || fail "$tool is not installed: it is needed to build the stack image."
done

umask 022
BOOTSTRAP=
TEMPORARY=$(mktemp -d "${TMPDIR:-/tmp}/slipway-stack.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

started=$SECONDS
echo "-----> Building the stack image $TAG"
mkdir "$TEMPORARY/root"
# a session of its own, waited for: so a signal is acted upon at once, and ends all of it
setsid "$HERE/image/rootfs.sh" "$TEMPORARY/root" &
BOOTSTRAP=$!
wait "$BOOTSTRAP"
BOOTSTRAP=

echo '-----> Importing it into the engine'
# sorted names and one time for all: the same packages give the same layer
image=$(tar -C "$TEMPORARY/root" --one-file-system --sort=name --mtime='2024-01-01 00:00:00Z' --numeric-owner -cf - \
  --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./run/*' . |
  docker import \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
    --change 'ENV LANG=C.UTF-8' \
    --change "ENV STACK=$STACK" \
    --change 'WORKDIR /app' \
    --change "USER $STACK_UID:$STACK_UID" \
    --change "LABEL slipway.stack=$STACK" \
    --change 'CMD ["/bin/bash"]' \
    - "$TAG")
echo "       $image, $((SECONDS - started)) s"
