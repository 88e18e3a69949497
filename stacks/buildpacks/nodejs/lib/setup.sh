# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of the package manager.

# A workspace of a monorepo: its path in the source. It has the scripts and the processes of the app.
WORKSPACE=${SLIPWAY_WORKSPACE:-}
APP=$BUILD${WORKSPACE:+/$WORKSPACE}
PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/nodejs.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in ../../lib/output ../../lib/cache app registry dependencies workspace assets; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

require_node
NODE_BIN=$(dirname "$(command -v node)")
MANAGER=$(package_manager)
configure_registry
# shellcheck disable=SC1090
source "$PACK/lib/managers/$MANAGER.sh"
export PATH=$BUILD/node_modules/.bin:$PATH
[ -z "$WORKSPACE" ] || export PATH=$APP/node_modules/.bin:$PATH
