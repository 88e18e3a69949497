#!/usr/bin/env bash
# Builds the tests' MongoDB server (FerretDB on PostgreSQL) and imports it into the Docker Engine under the TAG given.
set -euo pipefail

TAG=${1:?usage: build-image.sh TAG}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../stacks/debootstrap.sh
source "$HERE/../../stacks/debootstrap.sh"

needs 'set MONGO_URL to a server you have' debootstrap docker go tar
echo "-----> Building the tests' MongoDB server $TAG"
make_root mongodb "$HERE/image/rootfs.sh"
import_root "$TAG" \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV LANG=C.UTF-8' \
  --change 'EXPOSE 27017' \
  --change 'ENTRYPOINT ["/usr/local/bin/start"]'
