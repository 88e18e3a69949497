#!/usr/bin/env bash
# Builds the stack image with debootstrap and imports it into the Docker Engine under the TAG given.
set -euo pipefail

TAG=${1:?usage: build-stack.sh TAG}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=image/stack.conf
source "$HERE/image/stack.conf"
# shellcheck source=debootstrap.sh
source "$HERE/debootstrap.sh"

needs 'set STACK_IMAGE to an image you have' debootstrap docker tar
echo "-----> Building the stack image $TAG"
make_root stack "$HERE/image/rootfs.sh"
# what stacks/Dockerfile says as well
import_root "$TAG" \
  --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
  --change 'ENV LANG=C.UTF-8' \
  --change "ENV STACK=$STACK" \
  --change "LABEL slipway.stack=$STACK" \
  --change 'WORKDIR /app' \
  --change "USER $STACK_UID:$STACK_UID" \
  --change 'CMD ["/bin/bash"]'
