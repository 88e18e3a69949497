#!/usr/bin/env bash
# Builds the stack with debootstrap and imports it into the Docker Engine: the image that releases run on under RUN_TAG, and under
# BUILD_TAG the one that builds run in, which is the same and one more layer.
set -euo pipefail

RUN_TAG=${1:?usage: build-stack.sh RUN_TAG BUILD_TAG}
BUILD_TAG=${2:?usage: build-stack.sh RUN_TAG BUILD_TAG}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=image/stack.conf
source "$HERE/image/stack.conf"
# shellcheck source=debootstrap.sh
source "$HERE/debootstrap.sh"

needs 'set STACK_IMAGE to an image you have' debootstrap docker tar
echo "-----> Building the run image $RUN_TAG"
make_root stack "$HERE/image/run-root.sh"
# what stacks/Dockerfile says as well
import_root "$RUN_TAG" \
  --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
  --change 'ENV LANG=C.UTF-8' \
  --change "ENV STACK=$STACK" \
  --change "LABEL slipway.stack=$STACK" \
  --change "LABEL slipway.python=$PYTHON" \
  --change 'WORKDIR /app' \
  --change "USER $STACK_UID:$STACK_UID" \
  --change 'CMD ["/bin/bash"]'
echo "-----> Building the build image $BUILD_TAG"
extend_image "$RUN_TAG" "$BUILD_TAG" "$HERE/image/build-root.sh"
